"""The cases of tests/cases, read; and rules in few words, as the cases have them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from inventory.rules import AcceptProtocol, Mark, Rule

CASES = Path(__file__).parents[2] / "cases"


def printed(path: str) -> str:
    """What a router printed, to the byte."""
    return (CASES / path).read_bytes().decode("utf-8", "surrogateescape")


def rules(path: str) -> list[tuple[str, list[str]]]:
    """Each rule of a case file with what it means: the lines below it that stand further in."""
    found: list[tuple[str, list[str]]] = []
    for line in printed(path).splitlines():
        if line.startswith("    "):
            found[-1][1].append(line.strip())
        elif line and not line.startswith("#"):
            found.append((line, []))
    return found


def edits(path: str) -> dict[str, tuple[str, str]]:
    """By ``=== TITLE``, what stands below ``--- before`` and ``--- after``."""
    found: dict[str, tuple[str, str]] = {}
    for block in printed(path).split("=== ")[1:]:
        title, _, rest = block.partition("\n--- before\n")
        before, _, after = rest.partition("--- after\n")
        found[title] = before, after
    return found


def in_words(parsed: Iterable[Rule] | None) -> list[str]:
    """What rules do, in the words of the cases."""
    if parsed is None:
        return ["not ours"]
    return [_words(rule) for rule in parsed]


def _words(rule: Rule) -> str:
    if isinstance(rule, AcceptProtocol):
        return f"accept {rule.protocol.value}"
    to = f"{rule.vip} {rule.ports}/{rule.protocol.value}"
    return f"mark {to} {rule.mark}" if isinstance(rule, Mark) else f"accept {to}"
