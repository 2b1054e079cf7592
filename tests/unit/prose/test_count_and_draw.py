"""Counting idioms, and drawing passages of a revision."""

from __future__ import annotations

import pytest
from prose.count import matching, table
from prose.draw import draw, report, successor
from prose.passage import Kind, Passage
from prose.revisions import Revision, RevisionError


def passage(
    text: str, path: str = "a.py", owner: str = "f", kind: Kind = Kind.DOCSTRING
) -> Passage:
    return Passage(path, 1, kind, owner, (text,))


def test_each_occurrence_between_word_boundaries_counts() -> None:
    prose = [passage("It Told and was told."), passage("untold"), passage("none of\nits own")]
    assert len(matching(prose, "told")) == 2
    assert len(matching([passage("a part of its own")], "of its own")) == 1


def test_idioms_in_messages_are_not_counted() -> None:
    assert not matching([passage("told", kind=Kind.MESSAGE)], "told")


def test_an_idiom_passes_at_a_tenth_of_its_former_number() -> None:
    before = [passage("told")] * 10
    assert table(before, [passage("told")])[1]
    assert not table(before, [passage("told")] * 2)[1]


def test_the_same_seed_draws_the_same_passages() -> None:
    prose = [passage(f"one two three four five six seven eight {n}") for n in range(100)]
    assert draw(prose, 5, seed=1) == draw(prose, 5, seed=1) != draw(prose, 5, seed=2)
    assert len(set(draw(prose, 5, seed=1))) == 5


def test_a_docstring_is_followed_to_its_function_in_a_renamed_file() -> None:
    old = passage("Say what nobody was told.", path="old.py", owner="Thing.act")
    after = [
        passage("Say what nobody was told.", path="new.py", owner="other"),
        passage("Return the errors.", path="new.py", owner="Thing.act"),
    ]
    assert successor(old, after, {"old.py": "new.py"}) == after[1]


def test_a_passage_that_has_moved_is_found_by_its_text() -> None:
    old = passage("The operator deletes each Pod after a minute.", kind=Kind.COMMENT)
    near = passage("The operator deletes a Pod after one minute.", path="b.py", kind=Kind.COMMENT)
    far = passage("Something else entirely, about rates and keys.", kind=Kind.COMMENT)
    assert successor(old, [far, near], {}) == near
    assert successor(old, [far], {}) is None
    assert "removed" in report([(old, None)])


def test_a_revision_is_read_without_a_checkout() -> None:
    assert "# Cloche" in Revision("HEAD").read()["README.md"]
    with pytest.raises(RevisionError, match="git does not know the revision no-such"):
        Revision("no-such")
