"""The frame layer by itself: what is made, and that no bytes of a peer do more harm than a `Violation`."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol

from hashpass.frames import (
    PING,
    TOO_BIG,
    Close,
    Event,
    Ping,
    Pong,
    Reader,
    Violation,
    close_frame,
    open_frame,
    pong_frame,
    text_frame,
)
from tests.wire.peers import frame

LIMIT = 4096


def read(data: bytes, cuts: list[int] | None = None) -> tuple[list[Event | None], Violation | None]:
    """What a reader makes of `data`, fed in pieces that end at `cuts`."""
    reader = Reader(LIMIT)
    events: list[Event | None] = []
    edges = sorted({min(cut, len(data)) for cut in cuts or []} | {0, len(data)})
    try:
        for start, end in pairwise(edges):
            events += reader.feed(data[start:end])
    except Violation as violation:
        assert reader.finished
        assert list(reader.feed(b"\x81\x80aaaa")) == []
        return events, violation
    return events, None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.just("x" * 70_000))
def test_a_text_frame_is_what_a_client_reads_it_as(text: str) -> None:
    client = FrameProtocol(client=True, extensions=[])
    client.receive_bytes(text_frame(text))
    parts = list(client.received_frames())
    assert "".join(str(part.payload) for part in parts) == text
    assert parts[-1].message_finished
    assert open_frame(text_frame(text)) == text


@given(st.integers(1000, 4999).filter(lambda code: code not in (1005, 1006)), st.text(max_size=200))
def test_a_close_frame_always_fits_and_stays_utf8(code: int, reason: str) -> None:
    reason = reason.encode(errors="ignore").decode()
    made = close_frame(code, reason)
    assert len(made) <= 127
    assert made[2:4] == code.to_bytes(2, "big")
    assert reason.startswith(made[4:].decode())
    said = open_frame(made)
    assert isinstance(said, Close)
    assert said.code == code


@pytest.mark.parametrize("code", [1005, 1006])
def test_codes_that_mean_no_code_are_not_sent(code: int) -> None:
    assert close_frame(code) == b"\x88\x00"
    assert open_frame(close_frame(code)) == Close(1000, "")


def test_control_frames_say_nothing_to_a_transport_that_makes_its_own() -> None:
    assert open_frame(PING) is None
    assert open_frame(pong_frame(b"x")) is None


MESSAGE = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=100),
    st.binary(max_size=100),
    st.builds(Ping, st.binary(max_size=125)),
    st.builds(Pong, st.binary(max_size=125)),
)


def encode(event: Event, pieces: int) -> bytes:
    if isinstance(event, Ping):
        return frame(9, event.payload)
    if isinstance(event, Pong):
        return frame(10, event.payload)
    assert isinstance(event, str | bytes)
    opcode, payload = (1, event.encode()) if isinstance(event, str) else (2, event)
    size = max(1, -(-len(payload) // pieces))
    parts = [payload[i : i + size] for i in range(0, len(payload), size)] or [b""]
    return b"".join(frame(opcode if i == 0 else 0, part, fin=i == len(parts) - 1) for i, part in enumerate(parts))


@given(st.lists(st.tuples(MESSAGE, st.integers(1, 5)), max_size=8), st.lists(st.integers(0, 2000), max_size=20))
def test_however_it_is_cut_the_same_comes_out(said: list[tuple[Event, int]], cuts: list[int]) -> None:
    data = b"".join(encode(event, pieces) for event, pieces in said)
    events, violation = read(data, cuts)
    assert violation is None
    assert [event for event in events if event is not None] == [event for event, _ in said]


FRAME = st.builds(
    frame,
    st.integers(0, 15),
    st.binary(max_size=140) | st.just(b"x" * 4000) | st.just("é".encode() * 70),
    fin=st.booleans(),
    rsv=st.sampled_from([0, 0, 0, 0, 1, 4]),
    masked=st.sampled_from([True, True, True, False]),
)


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60) | FRAME, max_size=8).map(b"".join), st.lists(st.integers(0, 9000), max_size=20))
def test_garbage_ends_in_a_violation_with_a_close_code_or_in_nothing(data: bytes, cuts: list[int]) -> None:
    whole, first = read(data)
    pieces, second = read(data, cuts)
    for violation in (first, second):
        assert violation is None or violation.code in (1002, 1007, TOO_BIG)
    # What was said before the fault is the same, however it was cut. Fragments may be told apart differently.
    said = [event for event in whole if event is not None]
    assert [event for event in pieces if event is not None] == said
    assert all(len(event) <= LIMIT for event in said if isinstance(event, str | bytes))
    assert (first is None) == (second is None)


def held(reader: Reader) -> int:
    parts = reader._parts
    return sys.getsizeof(parts) + sum(sys.getsizeof(part) for part in parts)


@pytest.mark.parametrize("char", ["x", "é", "\N{WINKING FACE}"])
def test_a_message_that_trickles_in_is_held_in_little_more_than_its_size(char: str) -> None:
    reader = Reader(LIMIT)
    data = frame(1, char.encode() * (LIMIT // len(char.encode())), fin=False)
    most = 0
    for byte in data:
        list(reader.feed(bytes([byte])))
        most = max(most, held(reader))
    assert most < 5 * LIMIT


def test_empty_fragments_are_counted_and_leave_nothing() -> None:
    reader = Reader(LIMIT)
    events = list(reader.feed(frame(1, b"", fin=False)))
    for _ in range(1000):
        events += reader.feed(frame(0, b"", fin=False))
    assert events == [None] * 1001
    assert held(reader) < 200


def test_the_limit_speaks_before_the_message_has_arrived() -> None:
    reader = Reader(LIMIT)
    header = b"\x81\xff" + (2**40).to_bytes(8, "big") + b"\0\0\0\0"
    assert list(reader.feed(header)) == []
    assert list(reader.feed(b"x" * 4096)) == []
    with pytest.raises(Violation) as caught:
        list(reader.feed(b"x"))
    assert caught.value.code == TOO_BIG
    assert held(reader) < 200


def test_nothing_is_read_after_a_close() -> None:
    events, violation = read(frame(8, b"\x03\xe8bye") + frame(1, b"late") + b"\xff\xff\xff")
    assert events == [Close(1000, "bye")]
    assert violation is None
