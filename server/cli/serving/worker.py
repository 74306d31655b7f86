"""`worker`: the background work alone."""

import asyncio

from server.cli.common import begin_command, close_data_folder, explain_errors, find_store_outage, stderr
from server.cli.serving.event_loop import catch_signals, end_process, run_until_signal
from server.config import Settings
from server.errors import Failure
from server.logs import configure_logs
from server.store.data_folder import keep_temporary_files
from server.store.search.folder_ownership import AlreadyOwned


def worker() -> None:
    """Do the background work, and answer no requests. Stops cleanly on Ctrl-C or SIGTERM.

    Any number of workers may run beside any number of servers. That needs a Qdrant server (LOCI_QDRANT_URL), because
    the embedded engine belongs to one process.
    """
    settings = begin_command()
    configure_logs(settings.log_format, find_store_outage, has_traces=bool(settings.traces_endpoint))
    close_data_folder(settings)
    keep_temporary_files(settings.data_dir)
    catch_signals()
    with explain_errors(settings):
        run_until_signal(_run_worker(settings))
    end_process()


async def _run_worker(settings: Settings) -> None:
    from server.background.loop import run_background  # noqa: PLC0415 - with the works, a second of imports
    from server.services import open_services  # noqa: PLC0415 - the same imports
    from server.telemetry import open_telemetry  # noqa: PLC0415 - the same imports

    try:
        async with open_telemetry(settings) as telemetry:  # noqa: SIM117 - the observer is of the first
            async with open_services(settings, observer=telemetry.observer) as (services, _):
                await services.start_models()
                async with run_background(services):
                    stderr.print("The worker runs. Ctrl-C ends it.")
                    await asyncio.Event().wait()
    except AlreadyOwned as error:
        owner = f"Process {error.pid}" if error.pid else "Another process"
        folder = settings.data_dir.absolute()
        message = f"{owner} already serves {folder}, and does its background work itself. "
        raise Failure("conflict", message + "A worker beside it needs a Qdrant server: set LOCI_QDRANT_URL.") from None
