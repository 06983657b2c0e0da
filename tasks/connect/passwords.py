"""Secrets of a run: where they come from, and a type that does not show them by accident."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NoReturn

LOGIN_VARIABLE = "LVSFLEET_PASSWORD"
SUDO_VARIABLE = "LVSFLEET_SUDO_PASSWORD"
MASK = "********"


class Secret:
    """A password that prints as asterisks; ``reveal()`` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, to be sent and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written to disk")


@dataclass(slots=True)
class Secrets:
    """What the operator typed for this run.

    Attributes:
        login: the password to log in with.
        sudo: the password that sudo on the router asks for.
    """

    login: Secret | None = None
    sudo: Secret | None = None

    def give(self, *, login: str | None = None, sudo: str | None = None) -> None:
        """Keep what a prompt returned; None leaves a password as it is."""
        if login is not None:
            self.login = Secret(login)
        if sudo is not None:
            self.sudo = Secret(sudo)

    def forget(self) -> None:
        """Drop both."""
        self.login = self.sudo = None


typed = Secrets()
"""Filled by the command line before the run (``--ask-pass``, ``--ask-sudo-pass``)."""


def login_password(inventory: str | None) -> Secret | None:
    """The password to log in with: as typed, else of the inventory, else of LVSFLEET_PASSWORD."""
    return typed.login or _secret(inventory) or _secret(os.environ.get(LOGIN_VARIABLE))


def sudo_password() -> Secret | None:
    """The password for sudo: as typed, else of LVSFLEET_SUDO_PASSWORD."""
    return typed.sudo or _secret(os.environ.get(SUDO_VARIABLE))


def _secret(text: str | None) -> Secret | None:
    return Secret(text) if text else None
