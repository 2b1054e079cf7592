"""Jobe, with the requests of CodeRunner and programs for what Jobe's own tests check.

CodeRunner is a plugin of Moodle, in PHP. It runs a question's program, uploads the files of the
question if the answer is 404, and runs it again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

REST = "/jobe/index.php/restapi"
HEADERS = {
    "User-Agent": "CodeRunner",
    "Content-Type": "application/json; charset=utf-8",
    "Accept-Charset": "utf-8",
    "Accept": "application/json",
    "X-CodeRunner-Job-Id": "0badcafe",
}
AT_ONCE = 8
_SECONDS = 120


@dataclass(frozen=True)
class Case:
    """A run, and what Jobe answers."""

    language: str
    code: str
    outcome: int
    stdout: str | None = None
    input: str = ""
    files: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str | None = "__tester__.txt"


SUCCESS, COMPILE, RUNTIME, TIME, MEMORY = 15, 11, 12, 13, 17
JAVA = "public class %s {\n  public static void main(String[] a) {\n    %s\n  }\n}\n"
HELPER = 'public class Helper {\n  static String text() { return "from a file"; }\n}\n'
CASES = {
    "python": Case("python3", "print('Hello')", SUCCESS, "Hello\n"),
    "python input": Case("python3", "print(input()[::-1])", SUCCESS, "cba\n", input="abc\n"),
    "python syntax": Case("python3", "print('Hello'", COMPILE, ""),
    "python error": Case("python3", "print(1)\n[][0]", RUNTIME, "1\n"),
    "python exit code": Case("python3", "print(1)\nraise SystemExit(3)", SUCCESS, "1\n"),
    "python stderr": Case("python3", "import sys\nprint(1, file=sys.stderr)", RUNTIME, ""),
    "python writes": Case(
        "python3", "open('a', 'w').write('x')\nprint(open('a').read())", SUCCESS, "x\n"
    ),
    "python arguments": Case(
        "python3",
        "import sys\nprint(sys.argv[1:])",
        SUCCESS,
        "['a', 'b c']\n",
        parameters={"runargs": ["a", "b c"]},
    ),
    "python files": Case(
        "python3",
        "print(open('one.txt').read() + open('two.csv').read())",
        SUCCESS,
        "eins\n1,2\n\n",
        files={"one.txt": "eins\n", "two.csv": "1,2\n"},
    ),
    "python judges another": Case(
        "python3",
        "import subprocess\n"
        "open('s.py', 'w').write('print(int(input()) * 2)')\n"
        "done = subprocess.run(['python3', 's.py'], input='21', capture_output=True, text=True)\n"
        "print('OK' if done.stdout == '42\\n' else done)",
        SUCCESS,
        "OK\n",
    ),
    "python text": Case("python3", "print('Žluťoučký kůň 🐎')", SUCCESS, "Žluťoučký kůň 🐎\n"),
    "python loop": Case("python3", "while True: pass", TIME, "", parameters={"cputime": 1}),
    "python memory": Case("python3", "print(len(b'x' * 2**31))", MEMORY, ""),
    "python more time": Case(
        "python3",
        "import time\nt = time.time() + 2\nwhile time.time() < t: pass\nprint('done')",
        SUCCESS,
        "done\n",
        parameters={"cputime": "15", "memorylimit": 200_000, "numprocs": 20},
    ),
    "c": Case("c", '#include <stdio.h>\nint main(void) { puts("1"); return 0; }', SUCCESS, "1\n"),
    "c rejected": Case("c", "int main(void) { return 0 }", COMPILE, ""),
    "c signal": Case("c", "int main(void) { return *(volatile int *)0; }", RUNTIME, ""),
    "c loop": Case("c", "int main(void) { for (;;); }", TIME, "", parameters={"cputime": 1}),
    "cpp": Case("cpp", "#include <iostream>\nint main() { std::cout << 1; }", SUCCESS, "1"),
    "node": Case("nodejs", "console.log([1, 2].length)", SUCCESS, "2\n"),
    "node syntax": Case("nodejs", "console.log('", RUNTIME, ""),
    "php": Case("php", "<p><?php echo 1 + 1 ?></p>\n", SUCCESS, "<p>2</p>\n"),
    "php syntax": Case("php", "<?php echo 'x ?>", COMPILE, ""),
    "java": Case("java", JAVA % ("Test", 'System.out.println("1");'), SUCCESS, "1\n"),
    "java without a name": Case(
        "java", JAVA % ("Other", 'System.out.println("2");'), SUCCESS, "2\n", name=None
    ),
    "java rejected": Case("java", JAVA % ("Test", "int x = y;"), COMPILE, ""),
    "java files": Case(
        "java",
        JAVA % ("Main", "System.out.println(Helper.text());"),
        SUCCESS,
        "from a file\n",
        files={"Helper.java": HELPER},
    ),
}


@pytest.fixture(scope="module")
def moodle(keyless_gateway: str) -> Iterator[httpx.Client]:
    """A client that sends CodeRunner's headers, and no key."""
    with httpx.Client(
        base_url=f"{keyless_gateway}{REST}", headers=HEADERS, timeout=_SECONDS
    ) as client:
        yield client


def identified(content: str) -> str:
    return hashlib.md5(content.encode()).hexdigest()  # noqa: S324  CodeRunner's ids


def graded(moodle: httpx.Client, case: Case) -> tuple[httpx.Response, list[int]]:
    """Run a case as CodeRunner does. Return the last answer, and all status codes."""
    spec = {
        "language_id": case.language,
        "sourcecode": case.code,
        "input": case.input,
        "file_list": [[identified(text), name] for name, text in case.files.items()],
        "parameters": case.parameters,
    }
    if case.name is not None:
        spec["sourcefilename"] = case.name
    body = {"run_spec": spec}
    answer = moodle.post("/runs", json=body)
    statuses = [answer.status_code]
    if answer.status_code == httpx.codes.NOT_FOUND:
        for text in case.files.values():
            content = base64.b64encode(text.encode()).decode()
            put = moodle.put(f"/files/{identified(text)}", json={"file_contents": content})
            statuses.append(put.status_code)
        answer = moodle.post("/runs", json=body)
        statuses.append(answer.status_code)
    return answer, statuses


@pytest.fixture(scope="module")
def runs(
    moodle: httpx.Client,
) -> Iterator[dict[str, Future[tuple[httpx.Response, list[int]]]]]:
    """All cases, requested ahead of the tests, some at a time."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield {name: threads.submit(graded, moodle, case) for name, case in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_a_run_has_the_outcome_of_jobe(
    runs: dict[str, Future[tuple[httpx.Response, list[int]]]], name: str
) -> None:
    case, (answer, statuses) = CASES[name], runs[name].result()
    assert statuses == ([404, *(204 for _ in case.files), 200] if case.files else [200])
    found = answer.json()
    assert (found["outcome"], found["run_id"]) == (case.outcome, None), found
    assert found["stdout"] == case.stdout
    assert bool(found["cmpinfo"]) == (case.outcome == COMPILE)
    assert (found["outcome"] == RUNTIME) >= bool(found["stderr"]) or case.outcome == MEMORY


def test_the_languages_of_coderunners_questions_are_there(moodle: httpx.Client) -> None:
    found = dict(moodle.get("/languages").json())
    assert {"python3", "c", "cpp", "java", "nodejs", "php"} <= set(found)
    assert found["python3"].startswith("3.")


def test_a_client_that_asks_first_uploads_only_what_is_missing(moodle: httpx.Client) -> None:
    name = identified("asked first")
    assert moodle.head(f"/files/{name}").status_code == 404
    content = base64.b64encode(b"asked first").decode()
    assert moodle.put(f"/files/{name}", json={"file_contents": content}).status_code == 204
    assert moodle.head(f"/files/{name}").status_code == 204


@pytest.mark.parametrize(
    ("spec", "status", "words"),
    [
        ({"language_id": "nosuchlanguage"}, 400, "Language 'nosuchlanguage' is not known"),
        ({"language_id": None}, 400, "run_spec is missing the required attribute 'language_id'"),
        ({"sourcecode": None}, 400, "run_spec is missing the required attribute 'sourcecode'"),
        (
            {"parameters": {"cputime": 151}},
            400,
            "cputime exceeds maximum allowed on this Jobe server (150 secs)",
        ),
        (
            {"file_list": [["nosuchfileid", "file1"]]},
            404,
            "One or more of the specified files is missing/unavailable",
        ),
    ],
)
def test_a_mistake_is_answered_in_jobes_words(
    moodle: httpx.Client, spec: dict[str, Any], status: int, words: str
) -> None:
    body = {"run_spec": {"language_id": "python3", "sourcecode": "1", **spec}}
    answer = moodle.post("/runs/", json=body)
    assert (answer.status_code, answer.json()) == (status, words)
