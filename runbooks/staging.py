"""The stages of a change of several routers: each on all of them before the next begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial, reduce

from runbooks.abreast import Abreast, Member
from runbooks.clusters import Clusters
from runbooks.stages import Stage
from tasks.backends.protocol import Change
from tasks.errors import ApplyFailed, NotReady
from tasks.keepalived.change import WHAT as KEEPALIVED
from tasks.keepalived.complaints import compare
from tasks.observe import Observed
from tasks.parts import behind, joined, names, superseded

_FOR_ONE = 30.0
"""Seconds for a router that is alone in its cluster to be told that it is: nobody waits for it."""


@dataclass
class Staging:
    """The way through them.

    Attributes:
        abreast: the routers that are changed.
        concerned: these, and the others that have all of it already.
        clusters: who held a VIP when the run began.
    """

    abreast: Abreast
    concerned: Collection[str]
    clusters: Clusters

    def __post_init__(self) -> None:
        self._fleet = self.abreast.fleet
        self._run = self._fleet.options.run
        self._members = self.abreast.members

    def go(self, stages: Sequence[Stage]) -> None:
        """Do one after the other.

        Raises:
            RouterError: a stage did not come to its end; all of it is to be taken back.
        """
        whole = len(self._members) == len(self.concerned)
        due = [stage for stage in stages if whole or not stage.together]
        for stage, following in zip(due, [*due[1:], None], strict=True):
            makes = [stage, following] if following is not None and following.ahead else [stage]
            plan: Callable[[str, Observed], Change] = partial(_planned, makes)
            changes = {name: plan(name, each.now) for name, each in self._members.items()}
            todo = [name for name, change in changes.items() if change.edits]
            concerned = ", ".join(dict.fromkeys((*todo, *self._unread())))
            self._fleet.processor.note(f"{stage.said}: {concerned or 'there already'}.")
            groups = self._groups(stage, todo)
            for group in groups:
                self.abreast.refuse_to_go_on()
                make = partial(self._make, {name: changes[name] for name in group}, stage.saved)
                self.abreast.each(group, "change", make)
                # Behind the last stage all of it is seen anyway.
                if stage.seen and following is not None:
                    alone = group is not groups[-1]
                    self.abreast.each(group, "verify", partial(self._verify, plan, alone))
            if makes == [stage]:
                self._read_again(self._unread())
            self._wait(stage)
            if stage.check is not None:
                stage.check()

    def _groups(self, stage: Stage, todo: list[str]) -> list[list[str]]:
        """One BACKUP alone, then the others; all at once in an emergency."""
        if not stage.canary or self._fleet.policy.now:
            return [todo] if todo else []
        first = [name for name in todo if not self.clusters.is_master(name)][:1]
        others = [name for name in todo if name not in first]
        return [group for group in (first, others) if group]

    def _unread(self) -> list[str]:
        """Where keepalived is still to read files."""
        return [name for name, each in self._members.items() if each.unread]

    def _make(self, changes: Mapping[str, Change], saved: bool, member: Member, name: str) -> None:
        change = behind(member.parts, changes[name])
        self._advance(member, change if saved else superseded(change))
        for part in names(change):
            if part.endswith(f"-{KEEPALIVED}"):
                member.unread = part

    def _advance(self, member: Member, change: Change) -> None:
        work, run = member.work, self._run
        if not member.parts:
            work.record(change, member.before, run)
            left = self.abreast.until - time.monotonic()
            if left < 1:
                raise NotReady(
                    "there is no time left until the others take it back", "Give more time"
                )
            work.noted("begin", lambda: work.begin(change, member.before, run, seconds=left))
        else:
            work.noted("advance", lambda: work.advance(change, run))
        member.parts += len(names(change))
        new = compare(work.told.get("before", ""), work.told.get("after", ""))
        if new:
            raise ApplyFailed(
                f"keepalived complains of its files as they would be: {'; '.join(new)}",
                "Look at them: nothing of this is left there",
            )

    def _read_again(self, routers: Sequence[str]) -> None:
        """Keepalived reads its files on all of them at once.

        Each takes the run back by itself when the others have not done so in a third of the time
        after which a BACKUP that hears no advert of its own takes over.
        """
        if not routers:
            return
        self.abreast.refuse_to_go_on()
        soonest = self.clusters.seconds_to_be_noticed(routers)
        alone = soonest / 3 if len(routers) > 1 else _FOR_ONE

        def reread(member: Member, _: str) -> None:
            member.listed_anew = True
            work = member.work
            work.noted("reread", lambda: work.reread(member.unread, self._run, alone=alone))

        def follow(member: Member, _: str) -> None:
            work = member.work
            work.noted("follow", lambda: work.follow(member.unread, self._run))
            member.unread = ""

        self.abreast.each(routers, "reread", reread)
        self.abreast.each(routers, "follow", follow)

    def _verify(
        self, plan: Callable[[str, Observed], Change], canary: bool, member: Member, name: str
    ) -> None:
        """Over a connection of its own where others follow; all are seen so in the end."""
        work = member.work
        with ExitStack() as stack:
            new = stack.enter_context(work.connections.fresh()) if canary else None
            shell = new or work.connections.first()
            see = partial(work.look, shell, partial(plan, name))
            member.now = work.noted("verify", see)

    def _wait(self, stage: Stage) -> None:
        if stage.then is None:
            return
        end = time.monotonic() + stage.patience
        while True:
            trouble = stage.then(self._fleet.standings(self.concerned))
            if not trouble:
                return
            if time.monotonic() > end:
                raise ApplyFailed(trouble, "Look at keepalived there: journalctl -u keepalived")
            self.abreast.refuse_to_go_on()
            time.sleep(0.1)


def _planned(stages: Sequence[Stage], name: str, observed: Observed) -> Change:
    """What a router still needs for these stages, as one change."""
    return reduce(joined, (stage.plan(name, observed) for stage in stages))
