"""A process between one client and the API server; freezing it freezes the server for that client.

`python -m support.relay HOST PORT` is that process; it prints its own port.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from support.helm import ROOT


class Relay:
    """Relays bytes to and from the API server. `kubeconfig` uses the relay."""

    def __init__(self, process: subprocess.Popen[str], kubeconfig: Path) -> None:
        self._process = process
        self.kubeconfig = kubeconfig

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Answer nothing during the block, while the kernel still accepts connections."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def relay(kubeconfig: Path, directory: Path) -> Iterator[Relay]:
    """Run a relay to this kubeconfig's API server for the block."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    cluster = config["clusters"][0]["cluster"]
    to = urlsplit(cluster["server"])
    with subprocess.Popen(
        [sys.executable, "-m", "support.relay", str(to.hostname), str(to.port)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
    ) as process:
        try:
            assert process.stdout is not None
            cluster["server"] = f"https://127.0.0.1:{int(process.stdout.readline())}"
            through = directory / "relay.kubeconfig"
            through.write_text(yaml.safe_dump(config), encoding="utf-8")
            yield Relay(process, through)
        finally:
            process.kill()


async def _serve(host: str, port: int) -> None:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, port)
        with contextlib.suppress(OSError):
            await asyncio.gather(_pass_on(reader, up_writer), _pass_on(up_reader, writer))

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
