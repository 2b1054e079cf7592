"""Bodies of submissions in each format, whole, cut and hostile."""

from __future__ import annotations

import pytest

from cloche_gateway.dialects.judge0.bodies import BATCH, ONE
from cloche_gateway.errors import GatewayError

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xx"
PART = b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'


def fields(raw: bytes, content_type: str = "application/json") -> object:
    return ONE.parse(raw, content_type, 1)


def mistake(raw: bytes, content_type: str = "application/json") -> str:
    with pytest.raises(GatewayError) as caught:
        fields(raw, content_type)
    return str(caught.value)


def test_json_has_the_parameters() -> None:
    assert fields(b'{"language_id": "71", "source_code": "x", "extra": [1]}') == {
        "language_id": "71", "source_code": "x", "extra": [1],
    }  # fmt: skip


@pytest.mark.parametrize("content_type", ["", "application/json", FORM, MULTIPART])
def test_an_empty_body_has_no_parameters(content_type: str) -> None:
    assert fields(b" \r\n", content_type) == {}


def test_a_form_has_the_parameters_and_the_first_of_two_counts() -> None:
    raw = b"language_id=71&source_code=print%28%22%C3%A4%22%29+%26+1&stdin=a%0Ab&stdin="
    assert fields(raw, f"{FORM}; charset=utf-8") == {
        "language_id": "71", "source_code": 'print("ä") & 1', "stdin": "a\nb",
    }  # fmt: skip


def test_a_multipart_form_has_the_parameters_also_of_files() -> None:
    raw = (
        b"preamble\r\n" + PART + b"--xx  \r\n"
        b'Content-Disposition: form-data; filename="name=b.py"; name="source_code"\r\n'
        b"Content-Type: text/plain\r\n\r\nline 1\r\n\r\n--x\xc3\xa4\n\r\n--xx--\r\nepilogue"
    )
    assert fields(raw, MULTIPART) == {"a": "1", "source_code": "line 1\r\n\r\n--xä\n"}


def test_a_boundary_may_be_quoted() -> None:
    raw = PART.replace(b"--xx", b"--x x") + b"--x x--"
    assert fields(raw, 'multipart/form-data; charset=utf-8; boundary="x x"') == {"a": "1"}


@pytest.mark.parametrize(
    ("raw", "content_type", "words"),
    [
        (b"[]", "application/json", "must be a JSON object"),
        (b"{", "application/json", "is not valid JSON"),
        (b'{"a":1,"a":2}', "", "is given twice"),
        (b"a=%FF", FORM, "must be a form in UTF-8"),
        (b"a=\xff", FORM, "must be a form in UTF-8"),
        (b"&" * 64, FORM, "at most 64 fields"),
        (b"a" * (1024 * 1024 + 1), FORM, "must be at most 1 MiB as a form"),
        (PART, "multipart/form-data", "must have a boundary"),
        (PART, f"multipart/form-data; boundary={'x' * 71}", "must have a boundary"),
        (PART, MULTIPART, "ends with its boundary"),
        (b"nothing", MULTIPART, "ends with its boundary"),
        (PART * 65 + b"--xx--", MULTIPART, "at most 64 fields"),
        (b"--xx\r\n\r\n1\r\n--xx--", MULTIPART, "must have a name"),
        (b"--xx\r\nX: " + b"x" * 1024 + PART[4:] + b"--xx--", MULTIPART, "must have a name"),
        (PART.replace(b"1", b"\xff") + b"--xx--", MULTIPART, "must be UTF-8"),
        (PART.replace(b'"a"', b'"\xff"') + b"--xx--", MULTIPART, "must be UTF-8"),
    ],
)
def test_a_body_that_is_not_valid_is_an_error(raw: bytes, content_type: str, words: str) -> None:
    assert words in mistake(raw, content_type)


def test_sixty_four_parts_are_read() -> None:
    assert fields(PART * 64 + b"--xx--", MULTIPART) == {"a": "1"}


def test_a_batch_has_its_submissions_and_what_is_not_an_object_has_no_parameters() -> None:
    raw = b'{"submissions": [{"language_id": 71}, 1, null]}'
    assert BATCH.parse(raw, "application/json", 10) == [{"language_id": 71}, {}, {}]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{}", "at least one submission"),
        (b'{"submissions": []}', "at least one submission"),
        (b'{"submissions": {"a": 1}}', "at least one submission"),
        (b'{"submissions": [' + b"{}," * 20 + b"{}]}", "less than or equal to 20"),
    ],
)
def test_a_batch_has_1_to_20_submissions(raw: bytes, words: str) -> None:
    with pytest.raises(GatewayError, match=words):
        BATCH.parse(raw, "application/json", 10)
