"""Which checks are made: what ``--only`` and ``--skip`` say."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from inventory.errors import LvsfleetError
from inventory.problems import did_you_mean


class BadChoice(LvsfleetError):
    """There is no such check, or none is left."""


def choose_checks(
    known: Collection[str], *, only: Iterable[str] = (), skip: Iterable[str] = ()
) -> frozenset[str]:
    """The ids of the checks to make.

    Args:
        known: all ids.
        only: as given, ids with commas between them, or globs such as ``LVS03*``.
        skip: likewise.

    Raises:
        BadChoice: a word means no check, or none is left.
    """
    wanted = _meant(known, only, "--only")
    left = (wanted or frozenset(known)) - _meant(known, skip, "--skip")
    if not left:
        raise BadChoice("--only and --skip leave no check", "`lvsfleet explain` lists them")
    return left


def _meant(known: Collection[str], given: Iterable[str], option: str) -> frozenset[str]:
    found: set[str] = set()
    for word in (word.strip() for text in given for word in text.split(",")):
        names = {name for name in known if word and fnmatchcase(name, word.upper())}
        if not names:
            near = did_you_mean(word.upper(), known)
            hint = near.capitalize() or "`lvsfleet explain` lists them"
            raise BadChoice(f"{option}: there is no check {word!r}", hint)
        found |= names
    return frozenset(found)
