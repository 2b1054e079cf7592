from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.fixtures.supervisor import Result, Supervisors, frame_of

from cloche_supervisor.run.compiler_message import first_line

RUNTIMES = Path(__file__).parents[4] / "runtimes"
COMPILE = {"timeout_seconds": 10.0}


def _runtime(language: str) -> Any:
    text = (RUNTIMES / language / "runtime.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["spec"]


def _run(supervisors: Supervisors, language: str, code: str, **changes: Any) -> Result:
    runtime = _runtime(language)
    return supervisors.run(
        runtime["run"]["command"] + changes.pop("args", []),
        files=[{"path": runtime["fileName"], "text": code}],
        syntax_check=runtime["syntaxCheck"],
        environment=runtime.get("environment", {}) | changes.pop("environment", {}),
        **changes,
    )


@pytest.mark.parametrize(
    ("language", "code", "stdout", "line"),
    [
        ("python", "print(1", "", "SyntaxError: '(' was never closed (main.py, line 1)"),
        ("python", "x = 1\n y = 2", "", "IndentationError: unexpected indent (main.py, line 2)"),
        ("python", "return", "", "SyntaxError: 'return' outside function (main.py, line 1)"),
        ("bash", "echo a\nif", "a\n", "main.sh: line 3: syntax error: unexpected end of file"),
        ("bash", "echo a\nfi", "a\n", "main.sh: line 2: syntax error near unexpected token `fi'"),
    ],
)
def test_invalid_code_is_reported_as_a_syntax_error(
    supervisors: Supervisors, language: str, code: str, stdout: str, line: str
) -> None:
    result = _run(supervisors, language, code)
    assert result.exit["syntax_error"] == line
    assert result.exit["exit_code"] != 0
    assert result.exit["check_seconds"] > 0
    assert result.stdout == stdout
    assert result.stages == ["run", "check"]


def test_a_nul_in_python_code_is_a_syntax_error(supervisors: Supervisors) -> None:
    assert "null bytes" in _run(supervisors, "python", "a\0b").exit["syntax_error"]


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "raise SystemExit(1)"),
        ("python", "eval('1 +')"),
        ("python", "import broken"),
        ("python", "open('main.py', 'w').write('('); raise SystemExit(1)"),
        ("python", "import os; os.unlink('main.py'); os.mkfifo('main.py'); raise SystemExit(1)"),
        ("python", "import os; os.symlink('/', 'sys.py'); raise SystemExit(1)"),
        ("python", "open('sys.py', 'w').write('('); raise SystemExit(1)"),
        ("python", "x = '\\d'; raise SystemExit(1)"),
        ("bash", "exit 1"),
        ("bash", "eval '('; false"),
        ("bash", "echo fi > main.sh; exit 1"),
    ],
)
def test_valid_code_that_fails_is_no_syntax_error(
    supervisors: Supervisors, language: str, code: str
) -> None:
    result = _run(supervisors, language, code, output_files=["ran"])
    assert result.exit["exit_code"] != 0
    assert result.exit["syntax_error"] is None
    assert result.exit["check_seconds"] > 0


def test_the_environment_does_not_affect_the_syntax_check(supervisors: Supervisors) -> None:
    (supervisors.workspace / "evil").write_text("echo >&2 evil; exit 1", encoding="utf-8")
    environment = {"BASH_ENV": "evil", "SHELLOPTS": "noexec"}
    result = _run(supervisors, "bash", "exit 1", environment=environment)
    assert result.exit["syntax_error"] is None


@pytest.mark.parametrize("code", ["pass", "import os; os.kill(os.getpid(), 9)", "while True: pass"])
def test_the_syntax_check_runs_only_after_a_failure_of_the_program(
    supervisors: Supervisors, code: str
) -> None:
    result = _run(supervisors, "python", code, timeout_seconds=0.7)
    assert result.stages == ["run"]
    assert result.exit["check_seconds"] is None


@pytest.mark.parametrize(
    "command", [["no-such-checker"], ["sleep", "60"], ["bash", "-c", "kill -9 $$"], ["true"]]
)
def test_an_inconclusive_syntax_check_means_valid_code(
    supervisors: Supervisors, command: list[str]
) -> None:
    peer = supervisors.start(check_seconds=0.3)
    result = peer.run(frame_of(["false"], syntax_check={"command": command}))
    assert (result.exit["exit_code"], result.exit["syntax_error"]) == (1, None)
    assert result.exit["timed_out"] is False


def test_the_syntax_check_ends_at_the_timeout(supervisors: Supervisors) -> None:
    check = {"command": ["sleep", "60"]}
    result = supervisors.run(["false"], syntax_check=check, timeout_seconds=0.5)
    assert result.exit["check_seconds"] < 1.5
    assert result.exit["timed_out"] is False


def test_the_output_of_a_successful_compiler_is_dropped(supervisors: Supervisors) -> None:
    compiler = {"command": ["bash", "-c", "echo warning; echo echo ran > prog"]} | COMPILE
    result = supervisors.run(["bash", "prog"], compile=compiler)
    assert (result.stdout, result.stderr, result.stages) == ("ran\n", "", ["compile", "run"])
    assert result.exit["compile_seconds"] > 0
    assert result.exit["execution_seconds"] > 0


def test_a_failed_compile_is_a_syntax_error_with_its_output(supervisors: Supervisors) -> None:
    script = "echo 'main.c: In function main:'; echo >&2 'main.c:1:2: error: no'; exit 4"
    compiler = {"command": ["bash", "-c", script]} | COMPILE
    result = supervisors.run(["true"], compile=compiler)
    assert result.stages == ["compile"]
    assert (result.exit["exit_code"], result.exit["execution_seconds"]) == (4, 0)
    assert result.exit["syntax_error"] == "main.c:1:2: error: no"
    assert sorted(result.stderr.splitlines()) == [
        "main.c: In function main:",
        "main.c:1:2: error: no",
    ]
    assert result.exit["stderr_bytes"] == len(result.stderr)


def test_a_compiler_that_hangs_or_crashes_is_no_syntax_error(supervisors: Supervisors) -> None:
    hangs = {"command": ["bash", "-c", "echo half; sleep 60"], "timeout_seconds": 1.0}
    result = supervisors.run(["true"], compile=hangs)
    assert (result.exit["timed_out"], result.exit["syntax_error"]) == (True, None)
    assert (result.stderr, result.exit["execution_seconds"]) == ("half\n", 0)
    dies = {"command": ["bash", "-c", "kill -11 $$"]} | COMPILE
    result = supervisors.run(["true"], compile=dies)
    assert (result.exit["exit_code"], result.exit["syntax_error"]) == (139, None)


def test_the_output_of_a_compiler_is_limited(supervisors: Supervisors) -> None:
    compiler = {"command": ["bash", "-c", "head -c 9000000 /dev/zero; exit 1"]} | COMPILE
    result = supervisors.run(["true"], compile=compiler, limits={"stderr_bytes": 10})
    assert (result.stderr, result.exit["stderr_bytes"]) == ("\0" * 10, 9_000_000)
    assert result.exit["stderr_truncated"] is True


def test_compile_and_run_share_the_timeout(supervisors: Supervisors) -> None:
    compiler = {"command": ["sleep", "0.5"]} | COMPILE
    result = supervisors.run(["sleep", "60"], compile=compiler, timeout_seconds=2.5)
    assert result.exit["timed_out"] is True
    assert result.exit["compile_seconds"] >= 0.5
    assert result.exit["execution_seconds"] < 2.3


_EXAMPLES = sorted(
    example
    for language in ("python", "bash")
    for example in (RUNTIMES / language / "examples").glob("*.yaml")
)


@pytest.mark.parametrize("path", _EXAMPLES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_an_example_has_its_expected_result(supervisors: Supervisors, path: Path) -> None:
    example = yaml.safe_load(path.read_text(encoding="utf-8"))
    language = path.parts[-3]
    source = path.with_suffix(Path(_runtime(language)["fileName"]).suffix)
    result = _run(
        supervisors,
        language,
        source.read_text(encoding="utf-8"),
        **{key: example[key] for key in ("args", "stdin", "environment") if key in example},
    )
    assert result.stdout == example.get("stdout", "")
    assert result.stderr == example.get("stderr", "")
    assert result.exit["exit_code"] == example.get("exitCode", 0)
    assert result.exit["syntax_error"] is None


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (
            "main.js:1\nlog(new Error('x'\n\nSyntaxError: missing ) after argument list\n",
            "SyntaxError: missing ) after argument list",
        ),
        (
            "# command-line-arguments\n./main.go:3:2: syntax error: x\n",
            "./main.go:3:2: syntax error: x",
        ),
        ("a.c: In function 'f':\na.c:2:1: error: expected ';'\n", "a.c:2:1: error: expected ';'"),
        ("main.ts(1,7): error TS1005: ';' expected.", "main.ts(1,7): error TS1005: ';' expected."),
        ("warning: x\nerror[E0425]: no value `y`\n", "error[E0425]: no value `y`"),
        ("\n\n  PHP Parse error:  oops\n", "PHP Parse error:  oops"),
        ("\n \nsomething\n", "something"),
        (
            (
                "/usr/bin/ld: /tmp/cc.o: in function `main':\n"
                "main.cpp:(.text+0x5): undefined reference to `f()'\n"
                "collect2: error: ld returned 1 exit status\n"
            ),
            "main.cpp:(.text+0x5): undefined reference to `f()'",
        ),
        (
            (
                "/usr/bin/ld: b.o: in function `f()':\n"
                "b.cpp:(.text+0x0): multiple definition of `f()'; a.o:(.text+0x0): first defined"
                " here\ncollect2: error: ld returned 1 exit status\n"
            ),
            (
                "b.cpp:(.text+0x0): multiple definition of `f()'; a.o:(.text+0x0): first defined"
                " here"
            ),
        ),
        (
            "collect2: error: ld returned 1 exit status",
            "collect2: error: ld returned 1 exit status",
        ),
        (
            (
                "error: linking with `cc` failed: exit status: 1\n  |\n"
                "  = note: /usr/bin/ld: main.o: undefined reference to `g'\n"
                "error: aborting due to 1 previous error\n"
            ),
            "= note: /usr/bin/ld: main.o: undefined reference to `g'",
        ),
        (
            'a.cpp:3:1: warning: no return\n    3 | puts("error: x");\na.cpp:5:2: error: no\n',
            "a.cpp:5:2: error: no",
        ),
        (
            "main.java:3: error: cannot find symbol\n  symbol:   variable y\n  location: class A\n",
            "main.java:3: error: cannot find symbol: variable y",
        ),
        ("./main.go:4:2: undefined: x\n./main.go:5:2: y\n", "./main.go:4:2: undefined: x"),
        ("main.main: relocation target main.f not defined", ""),
        ("", "the compiler gave no reason"),
        ("x" * 600, "x" * 500),
        (b"\xff error: y", "\ufffd error: y"),
    ],
)
def test_the_most_informative_line_of_a_compiler_is_found(output: str | bytes, line: str) -> None:
    """An empty `line` means all of the output."""
    given = output if isinstance(output, bytes) else output.encode()
    assert first_line(given) == (line or output)
