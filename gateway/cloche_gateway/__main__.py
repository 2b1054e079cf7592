"""`python -m cloche_gateway`: read settings from the environment and serve until SIGTERM."""

from __future__ import annotations

import gc
import logging
import resource
import signal
import sys

import uvloop

from cloche_api import logs
from cloche_api.settings import SettingsError
from cloche_gateway import context, server, settings
from cloche_kube.client import Rest
from cloche_kube.errors import NoClusterError

_log = logging.getLogger("cloche_gateway")

_WRONG_SETTINGS = 2


def _open_as_many_files_as_allowed() -> None:
    """Raise the soft limit of open files to the hard limit.

    Each connection is an open file, and the soft limit of a container is often 1024.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(own: settings.Settings) -> None:
    client = await Rest.connect(agent="cloche-gateway")
    async with context.running(own, client) as made:
        # Objects made from here on are small and short-lived. The collector can skip the rest.
        gc.collect()
        gc.freeze()
        http = server.Server(made)
        _log.info("listening on %s:%s", own.host, own.port)
        await http.serve()


def main() -> int:
    """Run the gateway and return the exit code.

    0 after SIGTERM or SIGINT; 2 for invalid settings or missing cluster credentials.
    """
    try:
        own = settings.load()
    except SettingsError as error:
        sys.stderr.writelines(f"cloche-gateway: {line}\n" for line in str(error).splitlines())
        return _WRONG_SETTINGS
    logs.configure(own.log_format, own.log_level)
    _open_as_many_files_as_allowed()
    # A missing kubeconfig is reported once, by NoClusterError.
    logging.getLogger("kubernetes.aio.config.kube_config").setLevel(logging.ERROR)
    # uvicorn re-raises the signal when it has stopped. The default action would kill the process.
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
