"""Logging in: keys, then the password; one round, never a second one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from tasks.connect.keys import offers
from tasks.connect.library import paramiko
from tasks.connect.passwords import LOGIN_VARIABLE, Secret
from tasks.connect.target import Endpoint
from tasks.connect.transport import Transport
from tasks.errors import AuthenticationRefused, Unreachable

_PASSWORD = "password"  # noqa: S105 # the method's name in RFC 4252
_INTERACTIVE = "keyboard-interactive"


def log_in(
    transport: Transport, endpoint: Endpoint, *, password: Secret | None, end: float
) -> None:
    """Authenticate as ``endpoint.user``.

    Args:
        transport: a connection whose host key has been checked.
        endpoint: the server, and the keys for it.
        password: offered after the keys, if the server takes one.
        end: moment on ``time.monotonic()`` at which to give up.

    Raises:
        AuthenticationRefused: the server takes none of the credentials.
        Unreachable: the connection broke, or it took too long.
    """
    attempt = _Round(transport, endpoint, end)
    problems: list[str] = []
    for offer in offers(endpoint, problems):
        if not attempt.allows("publickey"):
            break
        if attempt.try_with(
            offer.label,
            lambda handler, event, key=offer.key: handler.auth_publickey(  # type: ignore[misc]
                endpoint.user, key, event
            ),
        ):
            return
    if password is not None and _with_password(attempt, endpoint.user, password):
        return
    raise attempt.refusal(problems, password_known=password is not None)


class _Round:
    """What has been tried so far, and which methods the server still takes."""

    def __init__(self, transport: Transport, endpoint: Endpoint, end: float) -> None:
        self.transport = transport
        self.endpoint = endpoint
        self.end = end
        self.tried: list[str] = []

    @property
    def allowed(self) -> tuple[str, ...] | None:
        """The methods that the server still takes; None before it has said so."""
        return self.transport.methods

    def allows(self, method: str) -> bool:
        return self.allowed is None or method in self.allowed

    def try_with(self, label: str, send: Callable[[Any, threading.Event], None]) -> bool:
        """Make one attempt; True when logged in."""
        done = threading.Event()
        try:
            send(self.transport.auth_handler_for(), done)
            answered = done.wait(max(0.0, self.end - time.monotonic()))
        except (paramiko.SSHException, EOFError, OSError, ValueError) as error:
            self._check_alive()
            self.tried.append(f"{label} ({error})")
            return False
        if self.transport.is_authenticated():
            return True
        self.tried.append(label)
        if not answered:
            raise Unreachable(
                f"{self.endpoint} did not answer the login within {self.endpoint.timeout:g} s"
            )
        self._check_alive()
        return False

    def _check_alive(self) -> None:
        if self.transport.is_active():
            return
        if self.transport.farewell or self.allowed is not None:
            raise self.refusal([], password_known=True)
        raise Unreachable(f"{self.endpoint} closed the connection during the login")

    def refusal(self, problems: list[str], *, password_known: bool) -> AuthenticationRefused:
        who = f"{self.endpoint.user} on {self.endpoint}"
        said = f"{self.transport.farewell}; " if self.transport.farewell else ""
        tried = f"tried {', '.join(self.tried)}" if self.tried else "there was nothing to try"
        hints = [*problems]
        if self.allowed is not None:
            takes = " or ".join(m for m in self.allowed if m) or "nothing more"
            said += f"the server takes {takes}; "
            if _PASSWORD in self.allowed and not password_known:
                hints.append(f"Give a password with --ask-pass or in {LOGIN_VARIABLE}")
        if not problems:
            hints.append(f"`ssh -v {_ssh_words(self.endpoint)}` shows what OpenSSH makes of it")
        return AuthenticationRefused(f"no login as {who}: {said}{tried}", ". ".join(hints))


def _with_password(attempt: _Round, user: str, password: Secret) -> bool:
    if attempt.allows(_PASSWORD) and attempt.try_with(
        "the password",
        lambda handler, event: handler.auth_password(user, password.reveal(), event),
    ):
        return True
    allowed = attempt.allowed or ()
    if _INTERACTIVE not in allowed or _PASSWORD in allowed:
        return False
    asked: list[str] = []

    def answer(_title: str, _instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        # One hidden question is the password; anything else is not ours to answer.
        if not prompts:
            return []
        if asked or len(prompts) > 1 or prompts[0][1]:
            raise paramiko.SSHException("the server asks for more than a password")
        asked.append(prompts[0][0])
        return [password.reveal()]

    return attempt.try_with(
        "the password when asked",
        lambda handler, event: handler.auth_interactive(user, answer, event),
    )


def _ssh_words(endpoint: Endpoint) -> str:
    return f"{endpoint.port_option}{endpoint.user}@{endpoint.address}"
