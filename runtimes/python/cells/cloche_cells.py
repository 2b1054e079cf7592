"""Execute cells one after the other in one namespace."""

from __future__ import annotations

import ast
import builtins
import linecache
import os
import sys
import time
import types

from cloche_channel import Channel, Interrupts
from cloche_errors import described
from cloche_results import Results, flush

TYPE_CHECKING = False  # importing typing takes longer than the rest
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Coroutine

_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_FUTURE = 0x1FE0000  # the flags of `from __future__ import …` in co_flags (Include/cpython/code.h)
_COROUTINE = 0x80  # inspect.CO_COROUTINE
_CANCEL_SECONDS = 0.5  # for an awaiting cell to end when it is interrupted


class Cells:
    """The namespace of all cells, and the execution of one after the other."""

    def __init__(self) -> None:
        self._interrupts = Interrupts()
        self._channel = Channel(self._interrupts)
        self._results = Results(self._channel)
        self._process = os.getpid()
        self._count = 0
        self._flags = 0
        self._loop: AbstractEventLoop | None = None
        main = types.ModuleType("__main__")
        self._names = main.__dict__
        self._names.update(__builtins__=builtins, display=self._results.display)
        sys.modules["__main__"] = main
        sys.argv, sys.path[0] = [""], ""

    def serve(self) -> None:
        """Run cells until the supervisor closes the channel."""
        while True:
            request = self._channel.receive()
            self._results.begin(request["token"], request["entries"], request["bytes"])
            environment = Environment(request["environment"])
            end = self._run(request["code"])
            environment.restore()
            flush()
            if os.getpid() != self._process:  # a fork that returned from its cell
                os._exit(end["exit"] or (1 if end["error"] else 0))
            self._results.end()
            self._channel.send({"token": request["token"], "end": end})

    def _run(self, code: str) -> dict[str, object]:
        self._count += 1
        name = f"<cell {self._count}>"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        if sys.stdin is None or sys.stdin.closed:  # exit() closes it
            sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lasts
        error = code_of_exit = None
        try:
            self._interrupts.arm()
            self._evaluate_and_show(code, name)
            self._interrupts.disarm()
        except SystemExit as end:
            self._interrupts.disarm()
            code_of_exit = _exit_code(end.code)
        except BaseException as raised:  # noqa: BLE001 - a cell may raise anything
            self._interrupts.disarm()
            error = described(raised)
        return {"error": error, "exit": code_of_exit, "truncated": self._results.truncated}

    def _evaluate_and_show(self, code: str, name: str) -> None:
        try:
            self._evaluate(code, name)
        except KeyboardInterrupt:  # little time is left: figures stay open for the next cell
            raise
        except BaseException:
            self._show_figures()
            raise
        self._show_figures()

    def _evaluate(self, code: str, name: str) -> None:
        """Run the statements, and show the value of the last one if it is an expression."""
        flags = ast.PyCF_ONLY_AST | _AWAIT | self._flags
        tree = compile(code, name, "exec", flags, dont_inherit=True)
        parts: list[tuple[ast.AST, str]] = [(tree, "exec")]
        ends_with_value = False
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
            ends_with_value = True
            parts.append((ast.Expression(tree.body.pop().value), "eval"))
        codes = []
        for part, mode in parts:
            made = compile(part, name, mode, _AWAIT | self._flags, dont_inherit=True)
            self._flags |= made.co_flags & _FUTURE
            codes.append(made)
        if any(made.co_flags & _COROUTINE for made in codes):
            value = self._awaited(self._all(codes))
        else:
            value = [eval(made, self._names) for made in codes][-1]  # noqa: S307 - a cell is code
        if ends_with_value and value is not None:
            builtins._ = value  # type: ignore[attr-defined]
            self._results.show("result", value)

    async def _all(self, codes: list[types.CodeType]) -> object:
        """Run the parts of a cell that awaits, in a running event loop."""
        value = None
        for made in codes:
            value = eval(made, self._names)  # noqa: S307
            if made.co_flags & _COROUTINE:
                value = await value  # type: ignore[misc]
        return value

    def _awaited(self, coroutine: Coroutine[object, object, object]) -> object:
        import asyncio

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(coroutine)
        try:
            return self._loop.run_until_complete(task)
        except KeyboardInterrupt:
            if not task.done():
                task.cancel()
                self._loop.run_until_complete(asyncio.wait({task}, timeout=_CANCEL_SECONDS))
            raise

    def _show_figures(self) -> None:
        """Show the open figures of Matplotlib that no result has shown, and close all."""
        plots = sys.modules.get("matplotlib.pyplot")
        if plots is None or os.getpid() != self._process:
            return
        for number in plots.get_fignums():
            self._results.show_figure(plots.figure(number))
        plots.close("all")


class Environment:
    """Variables that only one cell has."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        self._set_time_zone()

    def restore(self) -> None:
        """Give these variables the values that they had. Others stay as the cell has set them."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._set_time_zone()

    def _set_time_zone(self) -> None:
        if "TZ" in self._before:
            time.tzset()


def _exit_code(code: object) -> int:
    """Return the exit code of sys.exit, as the interpreter would."""
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1
