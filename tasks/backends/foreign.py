"""Mark rules of others where the inventory refuses them: all of them told at once."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.errors import Conflict

REFUSES = "there are mark rules that the inventory refuses (foreign: refuse):"
CANNOT_REMOVE = "there are mark rules that lvsfleet cannot remove for good (foreign: remove):"


def refuse_foreign(found: Iterable[tuple[str, str]], why: str = REFUSES) -> None:
    """Stop where there are mark rules that are neither lvsfleet's nor do what it wants.

    Args:
        found: each rule with what it stands in before it.
        why: what is wrong with them, as the message begins.

    Raises:
        Conflict: there are any.
    """
    places: dict[str, list[str]] = {}
    for where, words in found:
        places.setdefault(words, []).append(where)
    if places:
        lines = [f"{' and '.join(dict.fromkeys(w))}: {words}" for words, w in places.items()]
        raise Conflict(
            "\n".join([why, *lines]),
            "Describe them as services, or delete them; foreign: keep leaves them alone, foreign:"
            " remove removes them",
        )
