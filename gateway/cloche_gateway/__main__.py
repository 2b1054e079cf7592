"""`python -m cloche_gateway`: settings from the environment, then serve until SIGTERM."""

from __future__ import annotations

import gc
import logging
import resource
import signal
import sys

import uvloop

from cloche_api import logs
from cloche_api.rest import NoClusterError
from cloche_gateway import context, kube, server, settings

_log = logging.getLogger("cloche_gateway")

_WRONG_SETTINGS = 2


def _open_as_many_files_as_allowed() -> None:
    """A connection is a file, and 1024 is what a container may open as a rule unless it asks."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(own: settings.Settings) -> None:
    client = await kube.KubeClient.connect()
    async with context.running(own, client) as made:
        # What lives from here on is small and short: the collector need not walk all modules.
        gc.collect()
        gc.freeze()
        http = server.Server(made)
        _log.info("listening on %s:%s", own.host, own.port)
        await http.serve()


def main() -> int:
    """Run the gateway. 0 after a stop by signal, 2 for settings that cannot be served with."""
    try:
        own = settings.load()
    except settings.SettingsError as error:
        sys.stderr.write(f"cloche-gateway: {error}\n")
        return _WRONG_SETTINGS
    logs.configure(own.log_format, own.log_level)
    _open_as_many_files_as_allowed()
    # A kubeconfig that is not there is said once, by the error that comes of it.
    logging.getLogger("kubernetes.aio.config.kube_config").setLevel(logging.ERROR)
    # uvicorn raises the signal again when it is done; by default that would be our end, not 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    try:
        uvloop.run(_serve(own))
    except NoClusterError as error:
        sys.stderr.write(f"cloche-gateway: {error}\n")
        return _WRONG_SETTINGS
    return 0


if __name__ == "__main__":
    sys.exit(main())
