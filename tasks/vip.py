"""A VIP that comes, goes or moves, on one router: its stages, and all of it at once; pure.

What comes is there before what it replaces goes: the marks for the new VIP, the VIP itself, then
the old VIP, then its marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from inventory.desired import Desired
from inventory.rules import Address
from tasks.backends.protocol import Change
from tasks.checks.catalog.vip import LVS072
from tasks.errors import NoSuchAddress, NotEditable
from tasks.keepalived.answer import files_of
from tasks.keepalived.change import change
from tasks.keepalived.editing import FileEdit, add, mentions, remove
from tasks.keepalived.files import Files
from tasks.look import Planner
from tasks.observe import Observed
from tasks.outcome import Finding, Op
from tasks.parts import in_parts
from tasks.plan import plan
from tasks.primary import refuse_to_lose


@dataclass(frozen=True, slots=True)
class Move:
    """What is to become of one router.

    Attributes:
        before: what the inventory says.
        after: what it is going to say.
        both: with the old VIP and the new one.
        service: whose VIP it is.
        new: the VIP that comes; None where one only goes.
        old: the VIP that goes; None where one only comes.
        like: the VIP beside which the new one is written in keepalived's files.
        keepalived: its files are changed, too.
        rules: plans the packet filter's last stage where that takes an earlier run back; else the
            inventory says what it becomes.
        files: from keepalived's files to what they were before an earlier run, by path; None where
            that cannot be said. Without it the edit is made anew.
    """

    before: Desired
    after: Desired
    both: Desired
    service: str
    new: Address | None
    old: Address | None
    like: Address | None
    keepalived: bool = True
    rules: Planner | None = None
    files: Callable[[Files], Mapping[str, str] | None] | None = None

    @classmethod
    def of(
        cls,
        before: Desired,
        after: Desired,
        service: str,
        new: Address | None,
        old: Address | None,
        *,
        keepalived: bool = True,
    ) -> Move:
        """What becomes of a router that the inventory says ``before`` and ``after`` of."""
        vips = next(each.vips for each in before.services if each.name == service)
        if new is None or old is None:
            both = before if new is None else after
        else:
            drains = tuple(
                pair for each in before.services for pair in each.draining if pair[0] == old
            )
            wide = [
                replace(each, vips=(*each.vips, old), draining=(*each.draining, *drains))
                if each.name == service
                else each
                for each in after.services
            ]
            both = replace(after, services=tuple(wide))
        siblings = (v for v in vips if new is not None and v != new and v.version == new.version)
        like = old if new is not None and old is not None else next(siblings, None)
        return cls(before, after, both, service, new, old, like, keepalived)


Plan = Callable[[Move, Observed], Change]
"""One stage of a router: what it still needs to have it done."""


def let_in(move: Move, observed: Observed) -> Change:
    """The packet filter knows the new VIP, and still the old one."""
    if move.old is None and move.rules is not None:
        return move.rules(observed)
    return plan(move.both, observed)


def take_up(move: Move, observed: Observed) -> Change:
    """The new VIP is in keepalived's files."""
    files = files_of(observed.sections)
    return _part(move, _edits(files, _coming(move, files)))


def give_up(move: Move, observed: Observed) -> Change:
    """The old VIP is not in keepalived's files any more, and the new one is.

    Raises:
        NotReady: other addresses would go with it.
    """
    if move.old is not None:
        refuse_to_lose(observed, move.old, move.new)
    return _part(move, _files(move, files_of(observed.sections)))


def _part(move: Move, edits: Sequence[FileEdit]) -> Change:
    backend = move.both.backend
    return in_parts(backend, [change(backend, edits, service=move.service)])


def shut_out(move: Move, observed: Observed) -> Change:
    """The packet filter does not know the old VIP any more."""
    if move.rules is not None:
        return move.rules(observed)
    return _labelled(move, plan(move.after, observed))


def _labelled(move: Move, change: Change) -> Change:
    """The rules of the old VIP, which nobody has any more, are those of the service that it had."""
    if move.old is None:
        return change
    named = re.compile(rf"(?<![\w:.]){re.escape(str(move.old))}(?![\w:.])")
    edits = tuple(
        replace(each, service=move.service)
        if each.op is Op.REMOVE and each.service is None and named.search(each.rule)
        else each
        for each in change.edits
    )
    return replace(change, edits=edits)


def whole(move: Move, observed: Observed) -> Change:
    """All that the router needs, as it is seen from outside; not to be made in one go.

    Raises:
        NotEditable, NoSuchAddress: keepalived's files cannot be edited for it.
        NotReady: other addresses would go with the old VIP.
        RouterError: see `tasks.plan.plan`.
    """
    if move.old is not None and move.keepalived:
        refuse_to_lose(observed, move.old, move.new)
    rules = shut_out(move, observed)
    plan(move.both, observed)  # what stands against the stage between
    asked = "keepalived:main" in observed.sections
    edits = _files(move, files_of(observed.sections)) if move.keepalived and asked else ()
    keepalived = change(rules.backend, edits, service=move.service)
    made = in_parts(rules.backend, [rules, keepalived])
    return replace(made, what="")


def _files(move: Move, files: Files) -> tuple[FileEdit, ...]:
    """What becomes of keepalived's files in the end."""
    middle = replace(files, texts=_coming(move, files))
    now = middle.texts
    if move.old is not None and _has(middle, move.old):
        was = move.files(files) if move.files is not None and move.new is None else None
        now = was or _after(middle, remove(middle, move.old))
    return _edits(files, now)


def _coming(move: Move, files: Files) -> Mapping[str, str]:
    """Keepalived's files with the new VIP, too."""
    if move.new is None:
        return files.texts
    was = None
    if move.files is not None and not _has(files, move.new):
        was = move.files(files)
    if was is None:
        if move.like is not None:
            return _after(files, add(files, move.new, move.like))
        if not _has(files, move.new):
            raise NotEditable(
                f"{move.service} has no other IPv{move.new.version} VIP, beside which {move.new}"
                " could be written in keepalived's files",
                "Write it there by hand, on each of the cluster's routers, with --no-keepalived",
            )
        return files.texts
    if move.old is None:
        return was
    # What goes stays for as long as what was there comes.
    target = replace(files, texts=was)
    both = replace(files, texts=_after(target, add(target, move.old, move.new)))
    if _after(both, remove(both, move.old)) == was:
        return both.texts
    return _after(files, add(files, move.new, move.old))


def _after(files: Files, edits: Sequence[FileEdit]) -> dict[str, str]:
    return {**files.texts, **{each.path: each.after for each in edits}}


def _edits(files: Files, now: Mapping[str, str]) -> tuple[FileEdit, ...]:
    return tuple(
        FileEdit(path, text, now[path]) for path, text in files.texts.items() if now[path] != text
    )


def _has(files: Files, address: Address) -> bool:
    try:
        remove(files, address)
    except NoSuchAddress:
        return False
    except NotEditable:  # it is there
        return True
    return True


def told_besides(
    move: Move, _desired: Desired, observed: Observed, _change: Change
) -> Iterator[Finding]:
    """Where keepalived's files name the old VIP in ways that are left as they are."""
    if move.old is None or not move.keepalived:
        return
    places = "; ".join(map(str, mentions(files_of(observed.sections), move.old)))
    if places:
        said = f"keepalived's files name {move.old} besides, and stay so: {places}"
        yield LVS072.finding(
            said, "Change that by hand, keepalived -t, reload", service=move.service
        )
