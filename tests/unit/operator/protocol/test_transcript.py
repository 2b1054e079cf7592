"""Parsing any bytes from a container raises nothing, and accepts only valid events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.data.documents import section, tables
from support.data.supervisor_events import exit_event, lines

from cloche_operator.protocol.events import _LINE_BYTES, _TEXT_BYTES, EventReader, Transcript
from cloche_operator.protocol.exit_event import ADDED, EXIT_FIELDS, ExitEvent

UID = "5b0c1f0e-8a7f-4f57-9f0e-2f8f4b1f5a11"
EXIT = exit_event(
    execution=UID,
    time=1763900001.5,
    stdout_bytes=14,
    files=[{"path": "plot.png", "base64": "aGk="}],
)
READY = {"event": "ready", "protocol": 1}
STARTED = {"event": "started", "execution": UID, "stage": "run", "time": 1763900000.25}


WHOLE = lines(
    READY,
    STARTED,
    {"event": "stdout", "data": "grüße 🪴\n"},
    {"event": "stderr", "data": "warning\n"},
    {"event": "stdout", "data": "bye\n"},
    EXIT,
)


class Stream:
    """A stream, split into the events of one execution's transcript."""

    def __init__(self, uid: str = UID) -> None:
        self.reader = EventReader()
        self.transcript = Transcript(uid)

    def feed(self, data: bytes) -> None:
        self.transcript.take_all(self.reader.feed(data))

    @property
    def garbage(self) -> int:
        return self.reader.garbage + self.transcript.garbage

    @property
    def gap(self) -> bool:
        return self.reader.gap

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transcript, name)


def parsed(data: bytes) -> Stream:
    stream = Stream()
    stream.feed(data)
    return stream


def state(of: Stream) -> tuple[Any, ...]:
    return (of.started, of.stdout, of.stderr, of.exit, of.error, of.gap, of.garbage)


def test_the_operator_requires_only_documented_fields_of_an_exit_event() -> None:
    """tests/unit/supervisor tests that the supervisor writes all of them."""
    (table,) = tables(section("docs/design/protocol.md", "### `exit`"))
    documented = {row[0].strip("`") for row in table}
    assert {"execution", *EXIT_FIELDS} == documented
    assert set(ExitEvent.__annotations__) == set(EXIT_FIELDS)


def test_a_complete_stream_is_parsed() -> None:
    transcript = parsed(WHOLE)
    assert state(transcript) == (
        1763900000.25,
        "grüße 🪴\nbye\n",
        "warning\n",
        {"seq": 5, **EXIT},
        None,
        False,
        0,
    )
    assert transcript.ended


@pytest.mark.parametrize("cut", range(len(WHOLE) + 1))
def test_a_stream_can_be_split_at_any_byte(cut: int) -> None:
    transcript = parsed(WHOLE[:cut])
    transcript.feed(WHOLE[cut:])
    assert state(transcript) == state(parsed(WHOLE))


def test_a_stream_can_be_read_byte_by_byte() -> None:
    transcript = Stream()
    for n in range(len(WHOLE)):
        transcript.feed(WHOLE[n : n + 1])
    assert state(transcript) == state(parsed(WHOLE))


def test_a_line_without_its_end_is_not_accepted() -> None:
    assert not parsed(WHOLE[:-1]).ended


def test_a_stream_that_begins_late_has_a_gap() -> None:
    late = parsed(lines({"seq": 1, **STARTED}))
    assert late.gap
    assert late.started == 1763900000.25


@pytest.mark.parametrize("second", [0, 2, -1, 10**30])
def test_a_sequence_number_out_of_order_is_a_gap(second: int) -> None:
    assert parsed(lines(READY, {"seq": second, **STARTED})).gap


GARBAGE = {
    "text": b"Traceback (most recent call last):\n",
    "no JSON": b"{'seq': 0}\n",
    "cut JSON": b'{"seq": 0, "event": "rea\n',
    "invalid UTF-8": b'{"seq": 0, "event": "\xff\xfe"}\n',
    "NUL": b"\x00\x00\x00\n",
    "UTF-16": '{"seq":0}\n'.encode("utf-16"),
    "null": b"null\n",
    "number": b"17\n",
    "list": b'[{"seq": 0, "event": "ready", "protocol": 1}]\n',
    "no number": b'{"event": "ready", "protocol": 1}\n',
    "number as text": b'{"seq": "0", "event": "ready", "protocol": 1}\n',
    "number as truth": b'{"seq": false, "event": "ready", "protocol": 1}\n',
    "number as fraction": b'{"seq": 0.0, "event": "ready", "protocol": 1}\n',
    "deep lists": b"[" * 200_000 + b"\n",
    "deep objects": b'{"a":' * 200_000 + b"\n",
    "a number of 5000 digits": b'{"seq": ' + b"9" * 5000 + b"}\n",
    "unknown event": b'{"seq": 0, "event": "restart"}\n',
    "no event": b'{"seq": 0}\n',
    "event of a list": b'{"seq": 0, "event": ["stdout"], "data": "x"}\n',
    "data that is no text": b'{"seq": 0, "event": "stdout", "data": 7}\n',
    "protocol that is no number": b'{"seq": 0, "event": "ready", "protocol": "1"}\n',
    "protocol that is a truth": b'{"seq": 0, "event": "ready", "protocol": true}\n',
    "error without words": b'{"seq": 0, "event": "error", "message": null}\n',
}


@pytest.mark.parametrize("line", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_counted_and_ignored(line: bytes) -> None:
    transcript = parsed(line)
    assert transcript.garbage >= 1
    assert not transcript.ended
    assert (transcript.started, transcript.stdout) == (None, "")


def test_garbage_between_events_does_not_lose_events() -> None:
    first, rest = WHOLE.split(b"\n", 1)
    transcript = parsed(first + b"\nsome library greets\n\n   \n" + rest)
    assert (transcript.gap, transcript.garbage) == (False, 1)
    assert transcript.stdout == "grüße 🪴\nbye\n"


def test_a_line_that_is_too_long_is_dropped_and_the_next_is_read() -> None:
    transcript = Stream()
    chunk = b"x" * 1_000_000
    for _ in range(20):
        transcript.feed(chunk)
        assert len(transcript.reader._rest) <= _LINE_BYTES
    transcript.feed(b'", "seq": 0}\n' + lines(READY, {**STARTED, "seq": 1}))
    assert transcript.started
    assert transcript.garbage >= 1


def test_the_kept_output_is_limited() -> None:
    transcript = Stream()
    transcript.feed(lines(STARTED))
    text = "x" * 500_000
    for n in range(1, 11):
        transcript.feed(lines({"seq": n, "event": "stdout" if n % 2 else "stderr", "data": text}))
    assert len(transcript.stdout) + len(transcript.stderr) == 2 * _TEXT_BYTES
    pieces = sum(len(kept) for kept in transcript._out.values())
    transcript.feed(lines(*({"seq": 11 + n, "event": "stdout", "data": "y"} for n in range(1000))))
    assert sum(len(kept) for kept in transcript._out.values()) == pieces


@pytest.mark.parametrize("event", [STARTED, EXIT])
def test_an_event_of_another_execution_is_not_accepted(event: dict[str, Any]) -> None:
    for uid in ("another", "", None, 7, [UID]):
        transcript = parsed(lines({**event, "execution": uid}))
        assert (transcript.started, transcript.exit) == (None, None)
    nameless = {k: v for k, v in event.items() if k != "execution"}
    assert parsed(lines(nameless)).exit is None


def test_output_of_an_earlier_execution_in_the_log_is_ignored() -> None:
    before = [{**event, "execution": "before"} for event in (STARTED, EXIT)]
    transcript = parsed(
        lines(
            READY,
            before[0],
            {"event": "stdout", "data": "another's"},
            before[1],
            READY,
            STARTED,
            {"event": "stdout", "data": "its own"},
            EXIT,
        )
    )
    assert (transcript.stdout, transcript.started) == ("its own", STARTED["time"])
    assert transcript.exit["execution"] == UID
    assert (transcript.gap, transcript.garbage) == (False, 0)


FIELDS = [k for k in EXIT if k not in ("event", "execution")]


OMITTED = {"path": "a", "size": 5, "reason": "TooLarge"}


@pytest.mark.parametrize(
    ("omitted", "accepted"),
    [
        ([], True),
        ([OMITTED] * 100, True),
        ([OMITTED] * 101, False),
        ([OMITTED | {"path": "x" * 4096}] * 2, True),
        ([OMITTED | {"path": "x" * 4096}] * 3, False),
        ([OMITTED | {"path": "x" * 4097}], False),
        ([OMITTED | {"path": 5}], False),
        ([OMITTED | {"size": -1}], False),
        ([OMITTED | {"size": True}], False),
        ([OMITTED | {"size": 2**60}], False),
        ([OMITTED | {"reason": "Bored"}], False),
        ([OMITTED | {"reason": []}], False),
        ([{"path": "a"}], False),
        (["a"], False),
    ],
)
def test_files_that_were_left_out_are_bounded_and_valid(
    omitted: list[Any], *, accepted: bool
) -> None:
    assert (parsed(lines(EXIT | {"files_omitted": omitted})).exit is not None) is accepted


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in ADDED])
def test_an_exit_event_must_have_each_field(field: str) -> None:
    transcript = parsed(lines({k: v for k, v in EXIT.items() if k != field}))
    assert (transcript.exit, transcript.garbage) == (None, 1)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [{}, "7", [7]], ids=["object", "text", "list"])
def test_an_exit_event_must_have_the_right_types(field: str, value: Any) -> None:
    if field == "syntax_error" and isinstance(value, str):
        value = 7
    transcript = parsed(lines({**EXIT, field: value}))
    assert (transcript.exit, transcript.garbage) == (None, 1)


NUMBERS = [f for f in FIELDS if isinstance(EXIT[f], int | float) and not isinstance(EXIT[f], bool)]


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("value", ["true", "NaN", "Infinity", "-Infinity", "1e999", "9" * 400])
def test_an_exit_event_must_have_numbers_that_a_status_can_hold(field: str, value: str) -> None:
    line = json.dumps({"seq": 0, **EXIT, field: "HERE"}).replace('"HERE"', value)
    transcript = parsed(line.encode() + b"\n")
    assert (transcript.exit, transcript.garbage) == (None, 1)


@pytest.mark.parametrize("time", ["NaN", "Infinity", "1e999", "9" * 400, "1e15", "-1e15", "true"])
@pytest.mark.parametrize("event", [STARTED, EXIT], ids=["started", "exit"])
def test_an_event_with_an_invalid_time_is_not_accepted(event: dict[str, Any], time: str) -> None:
    line = json.dumps({"seq": 0, **event, "time": "HERE"}).replace('"HERE"', time)
    transcript = parsed(line.encode() + b"\n")
    assert (transcript.started, transcript.exit, transcript.garbage) == (None, None, 1)


@pytest.mark.parametrize(
    "file", [None, "a", {}, {"path": "a"}, {"path": 1, "base64": ""}, {"path": "a", "base64": None}]
)
def test_an_exit_event_must_have_valid_files(file: Any) -> None:
    assert parsed(lines({**EXIT, "files": [file]})).exit is None


def test_lone_surrogates_are_replaced() -> None:
    transcript = parsed(
        lines(STARTED) + rb'{"seq": 1, "event": "stdout", "data": "a\ud800b"}' + b"\n"
        rb'{"seq": 2, "event": "stderr", "data": "\udfff"}' + b"\n"
    )
    assert transcript.stdout.encode() == b"a?b"
    assert transcript.stderr.encode() == b"?"


def test_only_the_first_started_event_counts() -> None:
    transcript = parsed(lines(STARTED, {**STARTED, "stage": "check", "time": 1763900009.0}))
    assert transcript.started == 1763900000.25


def test_an_error_event_ends_the_transcript() -> None:
    transcript = parsed(lines({"event": "error", "message": "unknown key 'x'"}))
    assert transcript.ended
    assert transcript.error == "unknown key 'x'"


@pytest.mark.parametrize(
    ("message", "cut_off"),
    [
        ("the input ended before the hello was complete", True),
        ("frame: the input ended after 2 of 5 bytes", True),
        ("frame: is not JSON", False),
        ("hello: protocol version 1 is not supported, 2 is", False),
    ],
)
def test_an_incomplete_input_is_distinguished_from_a_rejected_one(
    message: str,
    cut_off: bool,  # noqa: FBT001  a parameter of the table
) -> None:
    transcript = Transcript("uid")
    transcript.take({"event": "error", "message": message})
    assert transcript.ended
    assert transcript.cut_off is cut_off


@pytest.mark.parametrize(
    ("stages", "prestarted"),
    [([{}], False), ([{"prestarted": 1}], False), ([{}, {"prestarted": True}], True)],
)
def test_a_transcript_shows_whether_a_process_had_waited(
    stages: list[dict[str, Any]], *, prestarted: bool
) -> None:
    stream = Stream()
    stream.feed(lines(READY, *(STARTED | stage for stage in stages), EXIT))
    assert stream.transcript.prestarted is prestarted
    other = Stream("another")
    other.feed(lines(READY, STARTED | {"prestarted": True}, EXIT))
    assert not other.transcript.prestarted


@pytest.mark.parametrize(
    ("first", "last", "proves"), [(0, True, True), (0, False, False), (1, True, False)]
)
def test_the_end_of_another_execution_proves_only_as_the_last_of_a_whole_log(
    *, first: int, last: bool, proves: bool
) -> None:
    other = {"execution": "another", "time": 1763900001.5}
    events = lines(READY, STARTED | other, exit_event(**other, last=last), first=first)
    read = Transcript(UID, whole=True)
    read.take_all(EventReader().feed(events))
    assert (read.cut_off and not read.gap and not read.has_started) is proves
