"""Routers that are changed as one: the same is done on all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runbooks.engine import Fleet
from runbooks.outcomes import outcome_of
from tasks.errors import ApplyFailed, NotReady, RouterError
from tasks.look import Look
from tasks.observe import Observed
from tasks.rollout import step_of
from tasks.shell import Shell
from tasks.work import Work

if TYPE_CHECKING:
    from nornir.core.task import Result, Task


_NOT_BEGUN = ("somebody did not want to wait for it", "Run again")


@dataclass
class Member:
    """One router's part.

    Attributes:
        work: its run.
        seen: the look that it began with.
        before: what it was then.
        now: what it is.
        shell: over the connection that was made when all of its change was there.
        parts: how many there are.
        unread: the part with files that keepalived is still to read.
        listed_anew: keepalived was told to read other files.
        error: what went wrong on it, first.
    """

    work: Work
    seen: Look
    before: Observed
    now: Observed
    shell: Shell | None = None
    parts: int = 0
    unread: str = ""
    listed_anew: bool = False
    error: RouterError | None = None


@dataclass
class Abreast:
    """The routers of one run.

    Attributes:
        fleet: what runs on them.
        until: when those that have begun take it back by themselves, by `time.monotonic`.
        members: by name.
    """

    fleet: Fleet
    until: float
    members: dict[str, Member] = field(default_factory=dict)

    def refuse_to_go_on(self) -> None:
        """Go no further where somebody wants that.

        Raises:
            ApplyFailed: somebody does.
        """
        if self.fleet.stop.gently:
            raise ApplyFailed("it was asked to stop", "Run again")

    def each(self, routers: Iterable[str], name: str, do: Callable[[Member, str], None]) -> None:
        """Do the same on all of them, in parallel.

        Args:
            routers: on which ones.
            name: what it is.
            do: gets the router's part, and its name.

        Raises:
            RouterError: the first one's that failed, now or before, when all have ended.
        """
        self.each_to_its_end(routers, name, do)
        for router, member in self.members.items():
            error = member.error
            if error is not None:
                raise type(error)(f"{router}: {error.message}", error.hint)

    def each_to_its_end(
        self, routers: Iterable[str], name: str, do: Callable[[Member, str], None]
    ) -> None:
        """The same, and what goes wrong is only kept."""

        def task_of(task: Task) -> Result:
            from nornir.core.task import Result  # noqa: PLC0415 - nornir is slow to import

            member = self.members[task.host.name]
            member.work.step = step_of(task)
            try:
                do(member, task.host.name)
            except RouterError as error:
                member.error = member.error or error
            return Result(host=task.host)

        with self.fleet.processor.silently():
            results = self.fleet.on_each(routers, name, task_of)
        for router, result in results.items():
            if result.failed and self.members[router].error is None:
                error = outcome_of(router, result).error
                self.members[router].error = error or NotReady(*_NOT_BEGUN)
