"""A run on a router as its parts: one for each thing that it changes, in the order of doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inventory.desired import Backend
from tasks.backends.protocol import Change


def in_parts(backend: Backend, changes: Sequence[Change]) -> Change:
    """Several changes as one: made in this order, taken back in the opposite one.

    Args:
        backend: whose rules the router has in the end.
        changes: each of one thing, with its files as ``parts.sh`` has them in a part's folder;
            those without edits are no part.
    """
    parts = [each for each in changes if each.edits]
    return Change(
        backend=backend,
        edits=tuple(edit for each in parts for edit in each.edits),
        findings=tuple(finding for each in changes for finding in each.findings),
        files={
            f"{number:02}-{each.what or each.backend.value}/{path}": text
            for number, each in enumerate(parts, start=1)
            for path, text in each.files.items()
        },
        commands=tuple(line for each in parts for line in each.commands),
        lets_in=any(each.lets_in for each in parts),
        takes=sum(each.takes for each in parts),
        diffs={scope: diff for each in parts for scope, diff in each.diffs.items()},
        what=",".join(dict.fromkeys(each.what for each in parts if each.what)),
    )


def joined(first: Change, second: Change) -> Change:
    """Two changes, each in parts already, as one."""
    if not first.edits or not second.edits:
        alone = second if second.edits else first
        return replace(alone, findings=(*first.findings, *second.findings))
    later = behind(len(names(first)), second)
    return replace(
        first,
        edits=(*first.edits, *later.edits),
        findings=(*first.findings, *later.findings),
        files={**first.files, **later.files},
        commands=(*first.commands, *later.commands),
        lets_in=first.lets_in or later.lets_in,
        takes=first.takes + later.takes,
        what=",".join(filter(None, (first.what, later.what))),
        diffs={**first.diffs, **later.diffs},
    )


def names(change: Change) -> tuple[str, ...]:
    """The parts of a change, in order: folders of the run on the router."""
    return tuple(sorted({path.partition("/")[0] for path in change.files}))


def behind(count: int, change: Change) -> Change:
    """The change in parts that come behind so many others of the same run."""
    files = {
        f"{int(number) + count:02}-{rest}": text
        for path, text in change.files.items()
        for number, _, rest in [path.partition("-")]
    }
    return replace(change, files=files)


def backends(change: Change) -> tuple[Backend, ...]:
    """The packet filters that a change is made in."""
    kinds = dict.fromkeys(name.partition("-")[2] for name in names(change))
    return tuple(each for each in Backend if each.value in kinds)


def superseded(change: Change) -> Change:
    """The change without what it would save: a later part of the same run does."""
    marks = {f"{name}/superseded": "" for name in names(change)}
    return replace(change, files={**change.files, **marks})
