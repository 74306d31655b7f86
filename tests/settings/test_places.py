"""The data folder and the file of settings are the same ones from whichever folder a command is called."""

from pathlib import Path

import pytest

from server import places, variables
from server.config import Settings, load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(monkeypatch, tmp_path):
    """As if this was an installed package; the home of its user."""
    monkeypatch.setattr(places, "ROOT", tmp_path / "lib/site-packages")
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "ann"


def test_a_checkout_has_its_data_and_its_settings_beside_the_makefile(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert Settings().data_dir == ROOT / "data"
    assert places.find_settings_file() == ROOT / "loci.env"


def test_a_package_has_its_data_and_its_settings_in_the_home_of_its_user(package):
    assert Settings().data_dir == package / ".local/share/loci"
    assert places.find_settings_file() == package / ".config/loci/loci.env"


def test_a_package_uses_the_base_folders_that_the_environment_names(package, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "large"))
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/counts/not")
    assert Settings().data_dir == tmp_path / "large/loci"
    assert places.find_settings_file() == package / ".config/loci/loci.env"


def test_a_user_without_a_home_has_both_below_the_working_folder(package, monkeypatch, tmp_path):
    def find_no_home(_path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", find_no_home)
    monkeypatch.chdir(tmp_path)
    assert places.find_data_folder() == tmp_path / ".local/share/loci"
    assert places.find_settings_file() == tmp_path / ".config/loci/loci.env"
    assert package.name == "ann"


def test_a_relative_path_in_the_file_of_settings_begins_at_its_folder(monkeypatch, tmp_path):
    file, elsewhere = tmp_path / "home/loci.env", tmp_path / "elsewhere"
    for folder in (file.parent, elsewhere):
        folder.mkdir()
    (file.parent / "llm.key").write_text("k")
    file.write_text("LOCI_DATA_DIR=data\nLOCI_MODELS_DIR=~/models\nLOCI_LLM_API_KEY_FILE=llm.key\n")
    monkeypatch.setattr(variables, "SETTINGS_FILE", file)
    monkeypatch.chdir(elsewhere)
    settings = load_settings({})
    assert settings.data_dir == file.parent / "data"
    assert settings.models == Path("~/models").expanduser()
    assert settings.llm_api_key.get_secret_value() == "k"


def test_a_relative_path_in_the_environment_begins_at_the_working_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert load_settings({"LOCI_DATA_DIR": "data"}).data_dir.absolute() == tmp_path / "data"
