"""What is wrong in an inventory: where it was written, what it says, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from inventory.errors import LvsfleetError

Path = tuple[str | int, ...]
"""The way from a host, a group or the defaults down to a value: ``("data", "services", "web")``."""

_LONGEST_SHOWN = 60
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*\Z")


class Kind(StrEnum):
    """The documents of an inventory."""

    CONFIG = "config"
    HOST = "host"
    GROUP = "group"
    DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who says a value: one host, one group, the defaults, or Nornir's configuration.

    Attributes:
        kind: the document.
        name: the host's or the group's; None for a document as a whole.
    """

    kind: Kind
    name: str | None = None

    def __str__(self) -> str:
        if self.name is not None:
            return f"{self.kind} {key_text(self.name)}"
        return f"{self.kind}s" if self.kind in {Kind.HOST, Kind.GROUP} else str(self.kind)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, before its line was looked up.

    Attributes:
        owner: who says it.
        path: the value's place within its owner; empty for the owner as a whole.
        value: as `quote` shows it; empty where nothing was written, or where it is a secret.
        message: reads on after the value: ``is no port: write 80/tcp``.
    """

    owner: Owner
    path: Path
    value: str
    message: str

    @property
    def text(self) -> str:
        """The value and what is wrong with it."""
        return f"{self.value} {self.message}" if self.value else self.message


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong, as it is shown.

    Attributes:
        file: the file's name; the inventory plugin's name where there is no file.
        line: counted from 1; None where it has no line.
        owner: ``host ams1``, ``group ams``, ``defaults`` or ``config``; empty for a whole file.
        field: ``data.services.web.ports[0]``; empty for the owner as a whole.
        value: what was written, escaped and shortened; empty for a secret or an absence.
        message: what is wrong with it and what would be right.
        column: counted from 1, where the text itself could not be read.
    """

    file: str
    line: int | None
    owner: str
    field: str
    value: str
    message: str
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(p) for p in (self.file, self.line, self.column) if p is not None)
        text = f"{self.value} {self.message}" if self.value else self.message
        return ": ".join(part for part in (place, self.owner, self.field, text) if part)


class InventoryProblems(LvsfleetError):
    """The inventory is refused; no router was contacted.

    Args:
        problems: at least one; kept without doubles, sorted by file, line and field.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(
            sorted(
                dict.fromkeys(problems),
                key=lambda p: (p.file, p.line or 0, p.column or 0, p.owner, p.field, p.message),
            )
        )
        count = len(self.problems)
        super().__init__(
            f"the inventory has {count} problem{'s' * (count != 1)}; no router was contacted"
        )

    def __str__(self) -> str:
        return "\n".join((*map(str, self.problems), self.message))


def quote(value: object) -> str:
    """``value`` as an operator may see it: in quotes, escaped to ASCII, and not too long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        # Decimal text of an int is limited (4300 digits) and raises; hexadecimal is not.
        return _shorten(str(value) if abs(value) < 10**30 else hex(value))
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict | list | tuple):
        start, end = "{}" if isinstance(value, dict) else "[]"
        return f"{start}{'…' if value else ''}{end}"
    # Four times the length shown: an escape is at most ten characters long, but cut it early
    # enough that a huge value costs nothing.
    text = value if isinstance(value, str) else str(value)
    return _shorten(ascii(text[: 4 * _LONGEST_SHOWN]), len(text) > 4 * _LONGEST_SHOWN)


def _shorten(text: str, was_cut: bool = False) -> str:
    if len(text) <= _LONGEST_SHOWN and not was_cut:
        return text
    return text[: _LONGEST_SHOWN - 2] + "…" + (text[0] if text[0] in "'\"" else "")


def key_text(key: object) -> str:
    """A name or a key, bare where it is an ordinary one."""
    if isinstance(key, str) and _PLAIN_KEY.match(key) and len(key) <= _LONGEST_SHOWN:
        return key
    return quote(key)


def step(key: object) -> str:
    """A key as part of a path; one that is no text as YAML writes it."""
    return key if isinstance(key, str) else quote(key).strip("'")


def field_text(path: Sequence[str | int]) -> str:
    """``path`` as one writes it: ``data.services.web.ports[0]``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.match(step) and len(step) <= _LONGEST_SHOWN and "." not in step:
            text += f".{step}" if text else step
        else:
            text += f"[{quote(step)}]"
    return text


def one_of(names: Iterable[str], last: str = "or") -> str:
    """The names in a sentence: ``a, b or c``."""
    *head, tail = names
    return f"{', '.join(head)} {last} {tail}" if head else tail


def did_you_mean(key: object, known: Iterable[str]) -> str:
    """The known key that ``key`` resembles, as ``did you mean 'services'?``; empty if none does."""
    near = get_close_matches(str(key)[:_LONGEST_SHOWN].lower(), list(known), n=1, cutoff=0.65)
    return f"did you mean {quote(near[0])}?" if near else ""
