"""What a Python cell finds and shows."""

from __future__ import annotations

import base64
import json

from support.fixtures.cells import CellSession


def test_names_last_from_cell_to_cell_and_the_last_expression_is_the_result(
    session: CellSession,
) -> None:
    first = session.run("import math\nx = 20\ndef f(n):\n    return n + 1")
    assert (first.results, first.error, first.state_lost) == ([], None, False)
    second = session.run("f(x)")
    assert [(one["kind"], one["data"]) for one in second.results] == [
        ("result", {"text/plain": "21"})
    ]
    assert session.run("_ + 1").plain == ["22"]
    assert session.run("x;").plain == []
    assert session.run("None").plain == []
    assert session.run("f(x); math.pi").plain == ["3.141592653589793"]
    assert session.run("f.__module__, __name__").plain == ["('__main__', '__main__')"]


def test_output_comes_before_the_result_that_follows_it(session: CellSession) -> None:
    ran = session.run("print('a')\ndisplay(1)\nprint('b')\n2")
    kinds = [event["event"] for event in ran.events]
    assert kinds[:3] == ["started", "stdout", "result"]
    assert kinds[-2:] == ["result", "exit"]
    assert [one["kind"] for one in ran.results] == ["display", "result"]
    assert (ran.stdout, ran.plain) == ("a\nb\n", ["1", "2"])


def test_a_value_is_shown_in_all_its_representations(session: CellSession) -> None:
    shown = session.run("""if True:
        class Shown:
            def _repr_html_(self): return "<b>x</b>"
            def _repr_png_(self): return b"png"
            def _repr_svg_(self): return None
            def _repr_latex_(self): raise ValueError
            def _repr_mimebundle_(self, include=None, exclude=None):
                return {"application/json": {"a": [1]}}, {"metadata": 1}
            def __repr__(self): return "Shown()"
Shown()""")
    [result] = shown.results
    assert result["data"] == {
        "application/json": json.dumps({"a": [1]}),
        "text/html": "<b>x</b>",
        "image/png": base64.b64encode(b"png").decode(),
        "text/plain": "Shown()",
    }
    raw = session.run("display({'text/html': '<i>'}, raw=True)\nShown")
    assert raw.results[0]["data"] == {"text/html": "<i>"}
    assert raw.results[1]["data"] == {"text/plain": "<class '__main__.Shown'>"}


def test_an_error_has_a_traceback_of_the_cells_alone(session: CellSession) -> None:
    session.run("def fail(n):\n    return 1 / n")
    ran = session.run("print('before')\nfail(0)")
    assert ran.error is not None
    assert (ran.error["name"], ran.error["value"]) == ("ZeroDivisionError", "division by zero")
    trace = ran.error["traceback"]
    assert trace.startswith(
        'Traceback (most recent call last):\n  File "<cell 2>", line 2, in <module>\n'
    )
    assert '  File "<cell 1>", line 2, in fail\n    return 1 / n\n' in trace
    assert "cloche" not in trace
    assert (ran.stdout, ran.stderr, ran.exit["exit_code"]) == ("before\n", "", 1)
    syntax = session.run("x = = 1").error
    assert syntax is not None
    assert syntax["name"] == "SyntaxError"
    assert syntax["traceback"].startswith('  File "<cell 3>", line 1\n    x = = 1\n')


def test_an_exception_that_cannot_be_described_is_reported(session: CellSession) -> None:
    ran = session.run("""if True:
        class Bad(Exception):
            def __str__(self): raise ValueError
        raise Bad""")
    assert ran.error is not None
    assert (ran.error["name"], ran.error["value"]) == ("Bad", "<exception str() failed>")
    assert session.run("raise ValueError('x' * 1000000)").exit["exit_code"] == 1
    assert session.run("1").plain == ["1"]


def test_cells_await_and_share_one_event_loop(session: CellSession) -> None:
    session.run("import asyncio\nevent = asyncio.Event()")
    assert session.run("await asyncio.sleep(0, 7)").plain == ["7"]
    first = session.run(
        "task = asyncio.create_task(asyncio.sleep(0.01, 8))\nawait asyncio.sleep(0)"
    )
    assert first.error is None
    assert session.run("await task").plain == ["8"]
    failed = session.run("async def f():\n    raise KeyError(1)\nawait f()").error
    assert failed is not None
    assert "asyncio" not in failed["traceback"]
    assert session.run("asyncio.run(asyncio.sleep(0, 9))").plain == ["9"]
    assert session.run("await asyncio.sleep(0, 10)").plain == ["10"]


def test_the_flags_of_a_cell_last(session: CellSession) -> None:
    session.run("from __future__ import annotations")
    ran = session.run("def f(a: no_such_name): pass\nf.__annotations__")
    assert ran.plain == ["{'a': 'no_such_name'}"]


def test_sys_exit_ends_the_cell_alone(session: CellSession) -> None:
    session.run("x = 1\nimport sys")
    for code, expected in (("3", 3), ("", 0), ("'why'", 1), ("-1", 255)):
        ran = session.run(f"sys.exit({code})")
        assert (ran.exit["exit_code"], ran.error, ran.state_lost) == (expected, None, False)
    assert session.run("exit(4)").exit["exit_code"] == 4
    ran = session.run("input()")
    assert ran.error is not None
    assert ran.error["name"] == "EOFError"
    assert session.run("x").plain == ["1"]


def test_the_environment_of_a_cell_ends_with_it(session: CellSession) -> None:
    zone = session.run("import time; time.tzname[0]").plain
    session.run("import os\nos.environ['KEPT'] = 'a'; os.environ['B'] = 'before'")
    look = "os.environ.get('A'), os.environ['B'], os.environ['KEPT'], os.popen('echo $A').read()"
    inside = session.run(look, environment={"A": "1", "B": "2"})
    assert inside.plain == ["('1', '2', 'a', '1\\n')"]
    assert session.run(look).plain == ["(None, 'before', 'a', '\\n')"]
    assert session.run("time.tzname[0]", environment={"TZ": "XYZ-3"}).plain == ["'XYZ'"]
    assert session.run("time.tzname[0]").plain == zone


def test_what_a_thread_prints_later_is_output_of_the_next_cell(session: CellSession) -> None:
    session.run("""if True:
        import threading
        go, done = threading.Event(), threading.Event()
        def late():
            go.wait()
            print("late")
            display("shown")
            done.set()
        threading.Thread(target=late).start()""")
    ran = session.run("go.set()\ndone.wait()\nprint('own')")
    assert ran.stdout.splitlines() == ["late", "own"]
    assert ran.plain == ["'shown'"]


def test_a_fork_that_returns_from_its_cell_ends(session: CellSession) -> None:
    ran = session.run("import os\npid = os.fork()\nif pid: status = os.waitpid(pid, 0)[1]\n'x'")
    assert ran.plain.count("'x'") == 1
    assert session.run("status").plain == ["0"]


def test_results_beyond_the_limits_are_left_out(session: CellSession) -> None:
    many = session.run("for i in range(20): display(i)")
    assert (many.plain, many.truncated) == ([str(i) for i in range(8)], True)
    large = session.run("'x' * 1000000")
    assert len(large.plain[0]) == 8192
    assert large.truncated
    few = session.run("display({'text/plain': 'p', 'text/html': 'h' * 100000}, raw=True)")
    assert few.results[0]["data"] == {"text/plain": "p"}
    assert few.truncated
    assert not session.run("1").truncated
