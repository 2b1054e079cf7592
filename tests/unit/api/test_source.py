"""Which SandboxSource belongs to which execution."""

from __future__ import annotations

import pytest

from cloche_api.resources.execution import ExecutionSpec, with_input
from cloche_api.resources.phases import Phase, Reason, phase_of
from cloche_api.resources.source import SourceReference, SourceSpec, is_name_for, name_for


def test_each_source_has_a_name_of_its_own_that_begins_with_its_executions() -> None:
    first, second = name_for("hello"), name_for("hello")
    assert first != second
    assert is_name_for(first, "hello")
    assert is_name_for(second, "hello")


@pytest.mark.parametrize(
    ("name", "execution"),
    [
        ("other-0123abcd", "hello"),
        ("hello-1-0123abcd", "hello"),
        ("hello", "hello"),
        ("hello0123abcd", "hello"),
        ("-0123abcd", "hello"),
    ],
)
def test_no_other_name_is_an_executions(name: str, execution: str) -> None:
    assert not is_name_for(name, execution)


def test_an_execution_with_its_source_is_as_if_it_had_all_itself() -> None:
    given = {
        "code": "print(1)",
        "args": ["a"],
        "stdin": "in",
        "environment": {"A": "b"},
        "files": [{"path": "a", "content": "b"}],
    }
    rest = {"language": "python", "outputFiles": ["*"], "timeoutSeconds": 7, "tenant": "acme"}
    whole = ExecutionSpec.model_validate(rest | given)
    source = SourceSpec.model_validate({"execution": "hello", "tenant": "acme"} | given)
    reference = SourceReference(name=name_for("hello"), bytes=1)
    apart = ExecutionSpec.model_validate(rest).model_copy(update={"source": reference})
    assert with_input(apart, source) == whole.model_copy(update={"source": reference})


def test_what_was_never_run_for_want_of_its_source_has_failed() -> None:
    assert phase_of(Reason.SOURCE_LOST) is Phase.ERROR
