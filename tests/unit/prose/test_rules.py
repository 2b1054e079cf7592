"""Each rule of styles/Cloche finds a bad sentence, and accepts a good one."""

from __future__ import annotations

import pytest
from prose.lint import Finding, findings
from support.data.names import ROOT

BAD = {
    "The client is told the reason.": "cloche.words",
    "The gateway tells the client.": "cloche.words",
    "Nobody waits for it.": "cloche.words",
    "The log is beside the result.": "cloche.words",
    "The limit stands in the table.": "cloche.words",
    "The program may print whatever it wants.": "cloche.words",
    "Each Pod has a user of its own.": "cloche.words",
    "The request waits, for there is no Pod.": "cloche.because",
    "The queue is long, for each program takes a second. The Pod waits, for a node is full.": (
        "cloche.because"
    ),
    "This is no key of a tenant.": "cloche.absence",
    "Who comes then gets 503.": "cloche.who",
    "The operator says that the Pod has ended.": "cloche.personification",
    "A place that came free is taken.": "cloche.personification",
    " ".join(["word"] * 36) + ".": "cloche.sentence_length",
}
GOOD = (
    "The gateway returns 503 because the queue is full.",
    "There is no key of this name, so the answer is 403.",
    "It is no longer than a minute. The key is not valid.",
    "Use it for a program that waits. Who may create keys?",
    "The user `nobody` has the UID 65534.",
)


def found_in(path: str, text: str) -> list[Finding]:
    return findings({path: text})


@pytest.mark.parametrize(("sentence", "rule"), BAD.items(), ids=lambda value: value[:40])
def test_a_rule_finds_a_bad_sentence(sentence: str, rule: str) -> None:
    assert rule in {one.rule for one in found_in("page.md", f"# Page\n\n{sentence}\n")}


def test_each_file_of_rules_has_a_bad_sentence() -> None:
    files = {f"cloche.{path.stem}" for path in (ROOT / "styles" / "Cloche").glob("*.yml")}
    assert files == set(BAD.values()) - {"cloche.sentence_length"}


def test_the_rules_accept_good_sentences() -> None:
    assert not found_in("page.md", "# Page\n\n" + "\n\n".join(GOOD) + "\n")


def test_a_finding_in_python_has_the_line_of_its_docstring() -> None:
    module = '"""A module."""\n\n\ndef act() -> None:\n    """Act.\n\n    It was told.\n    """\n'
    (one,) = found_in("a.py", module)
    assert (one.path, one.line, one.rule) == ("a.py", 5, "cloche.words")


def test_code_in_markdown_is_not_linted() -> None:
    assert not found_in("page.md", "# Page\n\n```sh\ntold\n```\n\nSet `told` to 1.\n")


def test_strings_are_messages_in_installed_programs_only() -> None:
    module = 'raise ValueError("nobody was told of it")\n'
    assert found_in("gateway/a.py", module)
    assert not found_in("tests/a.py", module)


def test_the_rules_of_proselint_apply_to_documentation() -> None:
    (one,) = found_in("page.md", "# Page\n\nThey collaborate together.\n")
    assert one.rule.startswith("redundancy")
