"""Use Cloche through the official Python SDK of MCP, and print what came back as JSON.

`python mcp_sdk.py URL auto|legacy`, with the API key in CLOCHE_API_KEY.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

PLOT = """
import matplotlib.pyplot as plt
plt.plot([1, 2, 4])
plt.savefig("plot.png", dpi=20)
open("rows.csv", "w").write("1,2\\n")
open("raw", "wb").write(b"\\0\\1")
print("drawn")
"""
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
SLOW = """
import time
for number in range(4):
    print("step", number, flush=True)
    time.sleep(0.7)
"""
ENDLESS = "import time\nprint('begun', flush=True)\ntime.sleep(60)"
COUNT = "open('n', 'a').write('x')\nprint(len(open('n').read()))"


def seen(result: Any) -> dict[str, Any]:
    shown: dict[str, Any] = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return shown


async def use(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = {
        "protocol": client.protocol_version,
        "server": client.server_info.name if client.server_info else None,
        "instructions": client.instructions,
        "tools": [one.name for one in (await client.list_tools()).tools],
        "resources": [str(one.uri) for one in (await client.list_resources()).resources],
        "read": seen(await client.read_resource("cloche://languages")),
    }

    async def call(name: str, **arguments: Any) -> dict[str, Any]:
        return seen(await client.call_tool(name, arguments))

    found["hello"] = await call("execute_code", code="print(2 + 2)")
    found["failed"] = await call("execute_code", code="raise SystemExit(3)")
    found["syntax"] = await call("execute_code", code="def")
    found["bash"] = await call(
        "execute_code", code="cat; echo $1", language="bash", stdin="in\n", args=["a"]
    )
    found["timeout"] = await call("execute_code", code="while True: pass", timeout=1)
    found["wrong"] = await call("execute_code", code="x", language="cobol")
    found["files"] = await call(
        "execute_code", code=PLOT, output_files=["plot.png", "rows.csv", "raw"]
    )
    found["languages"] = await call("list_languages")
    found["session"] = await call("create_session", language="python", idle_timeout=60)
    session = found["session"]["structuredContent"]["session_id"]
    found["first"] = await call("execute_code", code=COUNT, session_id=session)
    found["second"] = await call("execute_code", code=COUNT, session_id=session)
    found["ended"] = await call("end_session", session_id=session)
    found["gone"] = await call("execute_code", code=COUNT, session_id=session)

    made = await call("create_session", language="python", stateful="interpreter")
    session = made["structuredContent"]["session_id"]
    await call("execute_code", code="x = 20", session_id=session)
    found["cell"] = await call("execute_code", code="x + 1", session_id=session)
    found["figure"] = await call("execute_code", code=FIGURE, session_id=session)
    found["exception"] = await call("execute_code", code="x / 0", session_id=session)
    await call("end_session", session_id=session)

    progress: list[tuple[float, str | None]] = []

    async def heard(now: float, _total: float | None, message: str | None) -> None:
        progress.append((now, message))

    found["slow"] = seen(
        await client.call_tool("execute_code", {"code": SLOW}, progress_callback=heard)
    )
    found["progress"] = progress
    return found


async def leave(client: Client) -> str:
    """Begin a call and cancel it once its program has printed something. Return its session."""
    made = seen(await client.call_tool("create_session", {"idle_timeout": 120}))
    session: str = made["structuredContent"]["session_id"]
    begun = asyncio.Event()

    async def heard(_now: float, _total: float | None, message: str | None) -> None:
        if message == "begun":
            begun.set()

    arguments = {"code": ENDLESS, "session_id": session}
    asked = asyncio.create_task(
        client.call_tool("execute_code", arguments, progress_callback=heard)
    )
    await asyncio.wait_for(begun.wait(), 100)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    return session


async def main() -> None:
    url, mode = sys.argv[1:]
    headers = {"Authorization": f"Bearer {os.environ['CLOCHE_API_KEY']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=150) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode) as client:
            found = await use(client)
            found["left"] = await leave(client)
    sys.stdout.write(json.dumps(found))


asyncio.run(main())
