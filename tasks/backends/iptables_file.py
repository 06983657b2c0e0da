"""The files that iptables' rules are loaded from at boot: edited, never written anew.

All lines that are not ours stay as they are, to the byte.
"""

from __future__ import annotations

from tasks.backends.chains import OwnChain, Place
from tasks.backends.iptables_save import appended, chain_of, lines_of, without_counters

_BUILT_IN = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def edit(text: str, place: Place, then: OwnChain) -> str:
    """The saved file ``text`` with our chain of ``place`` brought to ``then``.

    A file without the table gets one with the built-in chains' policies at ACCEPT.
    """
    lines = lines_of(text)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    bounds = _table(lines, place.table)
    if bounds is None:
        if not then.exists:
            return text
        policies = [f":{chain} ACCEPT [0:0]\n" for chain in _BUILT_IN[place.table]]
        lines += [f"*{place.table}\n", *policies, "COMMIT\n"]
        bounds = (len(lines) - len(policies) - 2, len(lines) - 1)
    start, commit = bounds
    inside = [line for line in lines[start + 1 : commit] if not _ours(line, place)]
    if then.exists:
        inside = _with_chain(inside, place, then)
    return "".join([*lines[: start + 1], *inside, *lines[commit:]])


def _table(lines: list[str], name: str) -> tuple[int, int] | None:
    """The indices of the last ``*name`` and of its ``COMMIT``: the section that counts."""
    bounds: tuple[int, int] | None = None
    start: int | None = None
    for index, line in enumerate(lines):
        if line.strip() == f"*{name}":
            start = index
        elif start is not None and line.strip() == "COMMIT":
            bounds, start = (start, index), None
    return bounds


def _ours(line: str, place: Place) -> bool:
    bare = without_counters(line.strip())
    rule = appended(bare) or bare
    words = bare.split(maxsplit=2)
    return (
        place.is_hook(rule)
        or chain_of(rule) == place.chain
        or words[:1] == [f":{place.chain}"]
        or words[:2] in (["-N", place.chain], ["--new-chain", place.chain])
    )


def _with_chain(inside: list[str], place: Place, then: OwnChain) -> list[str]:
    declared = [n for n, line in enumerate(inside) if line.lstrip().startswith(":")]
    after_chains = declared[-1] + 1 if declared else 0
    inside.insert(after_chains, f":{place.chain} - [0:0]\n")
    parents = [n for n, line in enumerate(inside) if chain_of(line.strip()) == place.parent]
    for nth, before in enumerate(then.hooks):
        at = parents[before] + nth if before < len(parents) else len(inside)
        if before >= len(parents) and parents:
            at = parents[-1] + 1 + nth
        inside.insert(at, place.hook + "\n")
    return inside + [line + "\n" for line in then.lines]
