"""The gateway as a separate process, started as in its Pod."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
from support.gateway import until


@dataclass
class Program:
    process: subprocess.Popen[bytes]
    http: httpx.AsyncClient
    log: Path

    async def exit_code(self) -> int:
        code: int = await until(lambda: self.process.poll() is not None, "the end") and (
            self.process.returncode
        )
        return code

    @property
    def port(self) -> int:
        port = self.http.base_url.port
        assert port is not None
        return port

    def memory_mib(self) -> float:
        """Return its resident memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", text)
        assert found is not None, "the gateway is gone"
        return int(found[1]) / 1024
