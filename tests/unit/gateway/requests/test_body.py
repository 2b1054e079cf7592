"""Bodies of 4 MiB that are designed to take far more time or memory than their size."""

from __future__ import annotations

import itertools
import json
import string
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.data import bodies as made

from cloche_gateway.errors import GatewayError, InvalidRequestError, TooLargeError
from cloche_gateway.requests import body as bodies
from cloche_gateway.services.execution import memory_of

MIB = 1024 * 1024
SIZE = 4 * MIB
TIMES = 11
"""The most bytes of memory per byte of a body. Text with a character outside of the Basic
Multilingual Plane takes 4 bytes per character, once as the body's text and once as the string in
it. The body and copies of it take the rest."""


def short_names() -> Iterator[str]:
    letters = string.ascii_letters + string.digits + "-_"
    for length in (1, 2, 3, 4):
        yield from map("".join, itertools.product(letters, repeat=length))


def filled(start: str, unit: str, end: str) -> bytes:
    """Return a body of 4 MiB that repeats `unit`, separated by commas."""
    count = (SIZE - len(start.encode()) - len(end)) // (len(unit.encode()) + 1)
    return (start + ",".join([unit] * count) + end).encode()


def names(start: str, end: str) -> bytes:
    room, parts = SIZE - len(start) - len(end), []
    for name in short_names():
        part = f'"{name}":0'
        room -= len(part) + 1
        if room < 0:
            break
        parts.append(part)
    return (start + ",".join(parts) + end).encode()


REFUSED = {
    "unknown fields": names("{", "}"),
    "names of an environment": names('{"code":"","language":"python","environment":{', "}}"),
    "names within files": names('{"code":"","language":"python","files":[{', "}]}"),
    "objects": filled('{"code":"","language":"python","files":[', "{}", "]}"),
    "objects with a name": filled('{"code":"","language":"python","files":[', '{"a":0}', "]}"),
    "lists": filled('{"code":"","language":"python","args":[', "[]", "]}"),
    "numbers": filled('{"code":"","language":"python","args":[', "0", "]}"),
    "strings": filled('{"code":"","language":"python","args":[', '""', "]}"),
    "the same name": filled("{", '"a":0', "}"),
    "ends": b"]" * SIZE,
    "numbers without commas": b"[" + b"1 " * (SIZE // 2),
    "strings without commas": b'""' * (SIZE // 2),
    "escaped quotes": filled('{"code":"","language":"python","args":[', r'"\""', "]}"),
    "objects after brackets in a string": filled(
        '{"code":"[{[{","language":"python","files":[', "{}", "]}"
    ),
    "objects that never end": filled('{"code":"","language":"python","files":[', '{"a":{}', ""),
}
DEEP = {
    "lists in lists": b"[" * SIZE,
    "objects in objects": b'{"a":' * (SIZE // 5),
    "a list in lists that end": b"[" * (SIZE // 2) + b"]" * (SIZE // 2),
}
DIGITS = {
    "one number": b'{"timeout":' + b"9" * SIZE + b"}",
    "a fraction": b'{"timeout":0.' + b"1" * SIZE + b"}",
    "an exponent": b'{"timeout":1e' + b"1" * SIZE + b"}",
}
CODE = '{"code":"%s","language":"python"}'
PARSED = {
    "escapes": (CODE % (r"\u0061" * (SIZE // 6 - 9))).encode(),
    "pairs of surrogates": (CODE % (r"\ud83d\ude00" * (SIZE // 12 - 4))).encode(),
    "a string of escaped quotes": (CODE % (r"\"" * (SIZE // 2 - 20))).encode(),
    "escaped backslashes": (CODE % (r"\\" * (SIZE // 2 - 20))).encode(),
    "one character outside of the basic plane": (CODE % ("🎈" + "a" * (SIZE - 60))).encode(),
    "space": b" " * (SIZE - 34) + (CODE % "").encode(),
    "one long name": ('{"%s":0}' % ("a" * (SIZE - 8))).encode(),
    "one long language": (CODE[:9] + '","language":"%s"}' % ("ß" * (SIZE // 2 - 40))).encode(),
    "marks within a string": (CODE % ("[{,:" * (SIZE // 4 - 10))).encode(),
}
ALL = REFUSED | DEEP | DIGITS | PARSED
PARSERS: dict[str, Callable[[bytes], Any]] = {
    "an execution": made.execute_request,
    "a batch of one": lambda body: made.batch(b"[" + body + b"]"),
}


def refused(parse: Callable[[bytes], Any], body: bytes) -> str:
    """Return the error message for the body, or "taken" if it is accepted."""
    try:
        parse(body)
    except GatewayError as error:
        return str(error)
    return "taken"


@pytest.mark.parametrize("what", PARSERS)
@pytest.mark.parametrize("kind", ALL)
def test_parsing_a_body_takes_memory_proportional_to_its_size(kind: str, what: str) -> None:
    body = ALL[kind]
    assert SIZE * 0.9 < len(body) <= SIZE + 16
    tracemalloc.start()
    try:
        sentence = refused(PARSERS[what], body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < TIMES * SIZE
    assert len(sentence) < 1000


@pytest.mark.parametrize("kind", REFUSED | DEEP | DIGITS)
def test_a_body_with_too_many_values_is_rejected_before_it_is_parsed(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(*_: object, **__: object) -> None:
        raise AssertionError("the body was parsed")

    monkeypatch.setattr(json, "loads", built)
    for parse in PARSERS.values():
        with pytest.raises((InvalidRequestError, TooLargeError), match=r"^body: "):
            parse(ALL[kind])


@pytest.mark.parametrize("kind", DEEP)
def test_the_error_for_deeply_nested_json_names_the_nesting(kind: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^body: must be nested at most 32 levels deep$"):
        made.execute_request(DEEP[kind])


def test_the_error_for_many_unknown_fields_is_short() -> None:
    names = {name: 0 for name, _ in zip(short_names(), range(2000), strict=False)}
    with pytest.raises(InvalidRequestError) as caught:
        made.execute_request(json.dumps(names).encode())
    assert str(caught.value).startswith("code: is required; language: is required; a: unknown")
    assert str(caught.value).endswith("; and 1997 more")


def test_an_item_of_a_batch_is_limited_to_the_values_of_a_single_request() -> None:
    large = {"code": "", "language": "python", "args": [""] * bodies.VALUES}
    small = {"code": "print(1)", "language": "python"}
    refused, taken = made.batch(json.dumps([large, small]).encode())
    assert refused.refused == "the request: must have at most 4096 names and values together"
    assert refused.language == "python"
    assert taken.request is not None


def test_a_batch_of_ten_largest_allowed_requests_is_accepted() -> None:
    request = {
        "code": "{[,:" * 100,
        "language": "python",
        "stdin": '"\\' * 100,
        "environment": {f"A{n}": "," for n in range(128)},
        "args": ["\\"] * 128,
        "files": [{"path": f"{n}", "content": '{"a":'} for n in range(64)],
        "output_files": ["*"] * 64,
        "resources": {"cpu": 1, "memory_mb": 512, "disk_mb": 100},
        "timeout": 30,
        "session_id": "s",
        "ttl_seconds": 60,
    }
    items = made.batch(json.dumps([request] * 10, indent=4).encode())
    assert [item.refused for item in items] == [None] * 10


@pytest.mark.parametrize(
    "text", ['"', '\\"', '"\\', '\\\\"', '\\"\\', '"[', '\\\\\\"[[[[', ",:{[", "\\u0022[", "a\\nb"]
)
def test_structural_characters_within_strings_are_not_counted(text: str) -> None:
    outside = bodies._outside_of_strings(json.dumps({text: [text, text]}).encode(), 100)
    assert outside == b"{:[,]}"


def test_the_memory_of_a_request_is_that_of_its_strings() -> None:
    body = json.dumps({"code": "a" * 1000, "language": "python", "args": ["é" * 500]}).encode()
    small = memory_of(made.execute_request(body)[0])
    wide = body.replace(b"aaaa", "🎈aaa".encode(), 1)
    assert 1500 < small < 3000
    assert memory_of(made.execute_request(wide)[0]) > 4000
