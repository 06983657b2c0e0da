"""One command on a connection: data in, both streams out together, one clock over all of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Protocol

from tasks.connect.library import paramiko
from tasks.connect.transport import Channel, Transport
from tasks.errors import DeadlineExceeded, NotReady, Unreachable

_PIECE = 1 << 15
_READ = 1 << 20
_PARTING = 1.0  # seconds to send that a channel is closed


class Dialogue(Protocol):
    """Decides from what came on stderr what to send on stdin."""

    def hear(self, stderr: bytes) -> tuple[bytes, bool]:
        """Return what to send now, and whether more may follow; if not, stdin is closed then."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its status, 128 + N for a signal N, and all that it printed."""

    status: int
    stdout: bytes
    stderr: bytes


def execute(
    transport: Transport,
    command: bytes,
    *,
    name: str,
    stdin: bytes = b"",
    dialogue: Dialogue | None = None,
    deadline: float,
) -> Ended:
    """Run ``command`` on the connection.

    Args:
        transport: a connection that is logged in.
        command: handed to the user's login shell by the server.
        name: the router's name, for messages.
        stdin: data for the command. With a dialogue, its first words.
        dialogue: says what else to send, after looking at stderr; then stdin is closed.
        deadline: seconds for all of it.

    Raises:
        Unreachable: the connection broke, or the server told no status.
        DeadlineExceeded: the command did not end in time; it may still be running.
        NotReady: the server runs no commands.
    """
    end = time.monotonic() + deadline
    transport.wire.deadline = end
    try:
        channel = transport.open_exec(command, timeout=deadline)
    except (paramiko.SSHException, EOFError, OSError) as error:
        if transport.wire.gave_up or (transport.is_active() and time.monotonic() >= end):
            raise DeadlineExceeded(f"{name} opened no channel within {deadline:g} s") from None
        raise broken(name, transport, error) from None
    try:
        return _converse(transport, channel, name=name, stdin=stdin, dialogue=dialogue, end=end)
    except TimeoutError:
        raise overdue(name, deadline) from None
    except (paramiko.SSHException, EOFError, OSError) as error:
        if transport.wire.gave_up:
            raise overdue(name, deadline) from None
        raise broken(name, transport, error) from None
    finally:
        _hang_up(transport, channel)


def overdue(name: str, deadline: float) -> DeadlineExceeded:
    """The error for a script that was not done in time."""
    return DeadlineExceeded(
        f"{name} did not finish within {deadline:g} s", "The script may still be running there"
    )


def broken(name: str, transport: Transport, error: BaseException | None = None) -> Unreachable:
    """The error for a connection that ended without a word, or with its last one."""
    why = transport.farewell or (str(error) if error else "")
    return Unreachable(f"the connection to {name} broke" + (f": {why}" if why else ""))


def _converse(
    transport: Transport,
    channel: Channel,
    *,
    name: str,
    stdin: bytes,
    dialogue: Dialogue | None,
    end: float,
) -> Ended:
    out, err = bytearray(), bytearray()
    unsent = memoryview(stdin)
    more, closing = dialogue is not None, True
    while True:
        channel.bell.clear()
        # Looked at before the streams are drained: what came before the end is then read.
        over = channel.closed or (channel.eof_received and channel.status_event.is_set())
        while channel.recv_ready():
            out += channel.recv(_READ)
        while channel.recv_stderr_ready():
            err += channel.recv_stderr(_READ)
        if over:
            break
        if more and not unsent and dialogue is not None:
            words, more = dialogue.hear(bytes(err))
            unsent = memoryview(words)
        unsent = _send(channel, unsent)
        if closing and not unsent and not more:
            channel.shutdown_write()
            closing = False
        left = end - time.monotonic()
        if left <= 0 or not channel.bell.wait(left):
            raise TimeoutError
    return _ended(transport, channel, name, bytes(out), bytes(err))


def _send(channel: Channel, unsent: memoryview) -> memoryview:
    """Send as much as the server's window takes; return the rest."""
    while unsent and channel.send_ready():
        try:
            sent = channel.send(bytes(unsent[:_PIECE]))
        except OSError:
            if not channel.closed:
                raise
            sent = 0
        if not sent:  # a script may end without reading all that it was given
            return unsent[:0]
        unsent = unsent[sent:]
    return unsent


def _ended(transport: Transport, channel: Channel, name: str, out: bytes, err: bytes) -> Ended:
    if channel.exit_status >= 0:
        return Ended(channel.exit_status, out, err)
    # A connection that ends closes its channels before it counts as ended.
    if not transport.ended_by_peer(channel):
        transport.close()
    if not transport.is_active():
        raise broken(name, transport)
    if not channel.event_ready:
        raise NotReady(
            f"{name} runs no commands over SSH, only an interactive shell",
            "Set `connection: netmiko` for it in the inventory",
        )
    raise Unreachable(f"{name} ended the command without telling its exit status")


def _hang_up(transport: Transport, channel: Channel) -> None:
    transport.wire.deadline = time.monotonic() + _PARTING
    try:
        transport.close_channel(channel)
    except (paramiko.SSHException, EOFError, OSError):
        transport.close()
    transport.wire.deadline = math.inf
