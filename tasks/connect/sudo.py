"""Becoming root: directly, by sudo without a password, or by sudo with one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from tasks.connect.passwords import SUDO_VARIABLE, Secret
from tasks.errors import PrivilegeRefused

_WITHOUT = ("sudo", "-n", "--")


def needs_sudo(user: str, mode: str) -> bool:
    """Whether ``user`` goes through sudo; ``mode`` is the inventory's option ``sudo``."""
    return mode in ("always", "reader") or (mode == "auto" and user != "root")


def new_mark() -> str:
    """A word that nothing else prints."""
    return f"lvsfleet-{secrets.token_hex(8)}"


@dataclass(slots=True)
class Sudo:
    """One command through sudo.

    sudo's own failures have exit status 1 like a script's, so the sh under it prints a mark on
    stderr first: without the mark, all of stderr is sudo's. With a password sudo's prompt is a
    second mark, so that the password is sent only when it is asked for, and only once.

    Attributes:
        password: for sudo, or None.
        data: the script's stdin; with a password it is sent once the script has started.
        program: what sudoers must allow the account to run.
        started: the mark that the script's sh prints.
        asking: the prompt.
    """

    password: Secret | None
    data: bytes
    program: str = "ALL"
    started: str = field(default_factory=new_mark)
    asking: str = field(default_factory=new_mark)
    _told: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What stands in front of ``sh -c``."""
        return _WITHOUT if self.password is None else ("sudo", "-S", "-p", self.asking, "--")

    def hear(self, stderr: bytes) -> tuple[bytes, bool]:
        """Say what to send now that ``stderr`` has come, and whether more may follow."""
        if f"{self.started}\n".encode() in stderr:
            return self.data, False
        asked = stderr.count(self.asking.encode())
        if asked > 1 or self.password is None:
            return b"", False  # wrong: no second attempt, sudo reads the end of its input
        if asked == 0 or self._told:
            return b"", True
        self._told = True
        return self.password.reveal().encode() + b"\n", True

    def strip(self, stdout: bytes, stderr: bytes, *, name: str, user: str) -> bytes:
        """Return the script's own stderr.

        Args:
            stdout: all of it; only shown, where no script started.
            stderr: all of it.
            name: the router's.
            user: who logged in.

        Raises:
            PrivilegeRefused: the script never started; the message has sudo's words.
        """
        before, mark, after = stderr.partition(f"{self.started}\n".encode())
        if mark:
            return after
        said = before.replace(self.asking.encode(), b"") + stdout
        raise refusal(
            said,
            name=name,
            user=user,
            asked=self._told,
            password=self.password is not None,
            program=self.program,
        )


def refusal(
    said: bytes, *, name: str, user: str, asked: bool, password: bool, program: str = "ALL"
) -> PrivilegeRefused:
    """The error for a sudo that refused.

    Args:
        said: what sudo printed.
        name: the router's.
        user: who logged in.
        asked: whether a password was sent.
        password: whether one is known.
        program: what sudoers must allow the account to run.
    """
    text = said.decode("utf-8", "replace")
    return PrivilegeRefused(
        f"{name}: {user} may not become root: {last_words(said) or 'sudo said nothing'}",
        _way_out(text, user, program, asked=asked, password=password),
    )


def last_words(said: bytes) -> str:
    """The last lines of what a program printed, in one."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines()]
    return " / ".join([line for line in lines if line][-3:]).rstrip(".")


def _way_out(said: str, user: str, program: str, *, asked: bool, password: bool) -> str:
    nopasswd = f"`{user} ALL=(root) NOPASSWD: {program}` in /etc/sudoers.d/lvsfleet"
    if said.startswith("lvsfleet-read: "):
        return f"Install there what `python -m tasks.remote reader` prints here, as {program}"
    if "tty" in said:
        return f"Take `requiretty` away for this user: `Defaults:{user} !requiretty` in sudoers"
    if "not found" in said or "Unknown command" in said:
        return "Install sudo there, or log in as root"
    if asked:
        return f"The sudo password was not accepted; it was tried once. Or put {nopasswd}"
    if "password" in said and not password:
        return f"Give a password with --ask-sudo-pass (or {SUDO_VARIABLE}), or put {nopasswd}"
    return f"Put {nopasswd}, or log in as root"
