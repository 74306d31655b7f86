"""A service manager that has asked for it is told the states of the server."""

import socket

import pytest

from server.cli.serving.service_manager import notify_service_manager


@pytest.mark.parametrize("is_abstract", [False, True])
def test_a_service_manager_is_told_a_state(monkeypatch, tmp_path, is_abstract):
    name = f"loci-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name}" if is_abstract else str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if is_abstract else str(tmp_path / "notify"))
        notify_service_manager("READY=1")
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "vsock:2:1", "/nowhere/at/all"])
def test_without_a_service_manager_nothing_happens(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify_service_manager("READY=1")
