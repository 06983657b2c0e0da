"""The stream below a connection: who comes late may still speak, who is not heard gives up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tasks.connect.wire import Wire

NOW = 1000.0


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.connect.wire.time", SimpleNamespace(monotonic=lambda: NOW))


class Stream:
    """Takes so many bytes, and then lets whoever writes wait."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken = b""
        self.closed = False

    def recv(self, _size: int, /) -> bytes:
        return b""

    def send(self, data: bytes, /) -> int:
        piece = data[: self.room - len(self.taken)]
        if not piece:
            raise TimeoutError
        self.taken += piece
        return len(piece)

    def settimeout(self, _seconds: float, /) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        self.closed = True


def wire(room: int, *, late: float) -> tuple[Wire, Stream]:
    """One whose deadline passed so many seconds ago."""
    stream = Stream(room)
    made = Wire(stream)
    made.deadline = NOW - late
    return made, stream


def test_a_packet_that_is_taken_may_be_a_little_late() -> None:
    made, stream = wire(5, late=1)
    assert made.send(b"hello") == 5
    assert (stream.taken, made.gave_up, stream.closed) == (b"hello", False, False)


def test_before_the_deadline_whoever_writes_tries_again() -> None:
    made, _ = wire(0, late=-1)
    with pytest.raises(TimeoutError):
        made.send(b"hello")
    assert not made.gave_up


def test_a_peer_that_takes_nothing_is_not_waited_for() -> None:
    made, stream = wire(2, late=1)
    assert made.send(b"hello") == 2
    with pytest.raises(ConnectionError, match="takes no data"):
        made.send(b"llo")
    assert (made.gave_up, stream.closed) == (True, True)


def test_nor_is_one_that_takes_a_little_at_a_time() -> None:
    made, stream = wire(5, late=60)
    with pytest.raises(ConnectionError, match="takes no data"):
        made.send(b"hello")
    assert (stream.taken, made.gave_up, stream.closed) == (b"", True, True)
