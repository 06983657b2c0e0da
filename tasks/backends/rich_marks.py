"""Rich rules that set a mark and are none that lvsfleet would write: which they are, and why."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from tasks.backends.protocol import Covered
from tasks.backends.rich import RichRule

_NAMED = (
    ("NOT", "it is for all but something"),
    ("source", "it goes by the source"),
    ("service", "it names a service, and the ports of that are elsewhere"),
    ("source-port", "it goes by the source port"),
    ("forward-port", "it forwards"),
    ("log", "it logs as well"),
    ("limit", "it has a limit"),
)


def sets_mark(text: str) -> bool:
    """Whether a rich rule sets the mark, in whichever way."""
    return "mark" in _words(text)


def why_not(text: str) -> str:
    """Why a rich rule that sets a mark is none that lvsfleet could write, in a few words."""
    words = _words(text)
    for word, reason in _NAMED:
        if word in words:
            return reason
    if any(re.fullmatch(r"set=[^/]+/.+", word) for word in words):
        return "it sets some bits of the mark only; IPVS compares all of them"
    if any(word.startswith("ipset=") for word in words):
        return "it goes by an ipset"
    if "destination" not in words:
        return "it is for no one address"
    if "port" not in words:
        return "it is for no ports"
    return "it is not of the form: one address, one protocol, ports, one mark"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def marks_but(rules: Iterable[RichRule], known: Covered) -> list[RichRule]:
    """The rules that set a mark and do something else than what is known."""
    return [
        each
        for each in rules
        if sets_mark(each.text) and (each.rule is None or each.rule not in known)
    ]
