"""The names of SandboxSources, and the execution that one belongs to."""

from __future__ import annotations

import pytest

from cloche_api.resources.execution import ExecutionSpec, with_input
from cloche_api.resources.phases import Phase, Reason, phase_of
from cloche_api.resources.source import SourceReference, SourceSpec, is_name_for, name_for


def test_the_name_of_a_source_is_unique_and_begins_with_its_executions() -> None:
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
def test_a_name_of_another_form_is_not_the_source_of_an_execution(
    name: str, execution: str
) -> None:
    assert not is_name_for(name, execution)


def test_an_execution_is_completed_with_the_input_of_its_source() -> None:
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


def test_the_phase_of_source_lost_is_error() -> None:
    assert phase_of(Reason.SOURCE_LOST) is Phase.ERROR
