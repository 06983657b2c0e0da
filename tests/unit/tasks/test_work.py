"""The steps of a run on one router: how long each is waited for, and what is said of its end."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast

import pytest

from inventory.desired import Backend, Desired
from tasks.backends.protocol import Change
from tasks.errors import ApplyFailed, DeadlineExceeded
from tasks.look import Connections, Options
from tasks.outcome import Edit, Op, Where
from tasks.work import Work
from tests.unit.tasks.cases import printed
from tests.unit.tasks.routers import observed

RUN = "20261123T074512Z-ams-4f2a"


class Slow:
    """A router that does not answer in time."""

    def __init__(self) -> None:
        self.asked: tuple[str, ...] = ()
        self.deadline = 0.0

    def run(self, _script: str, *arguments: str, deadline: float, **_: Any) -> Any:
        self.asked, self.deadline = arguments, deadline
        raise DeadlineExceeded("no answer in time", "Is it up?")


@pytest.mark.parametrize("alone", [0.6, 1.2, 5.6])
def test_a_reload_is_waited_for_as_long_as_the_cluster_does_not_miss_it(alone: float) -> None:
    """Who lists other VIPs than the others for longer makes two MASTERs; no constant says so."""
    shell = cast("Any", Slow())
    connections = Connections(lambda ask: ask(shell), lambda: shell, lambda: nullcontext(shell))
    options = Options(run=RUN, who="ann", timeout=120.0)
    work = Work(
        Desired("ams1"),
        lambda _: Change(Backend.IPTABLES),
        connections,
        lambda _, do: do(),
        options,
    )
    said = f"not told within {alone} s to read its files"
    with pytest.raises(DeadlineExceeded, match=said) as told:
        work.reread("1-keepalived", options.run, alone=alone)
    assert shell.deadline == alone
    assert shell.asked[-1] == f"{alone:.2f}"
    assert "advert_int" in told.value.hint


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ("", "does not have it"),
        (f"{RUN} armed", "does not have it"),
        (f"{RUN}-2 unseen", "does not have it"),
        (f"{RUN} reverting", "took the change back before it was confirmed"),
        (f"{RUN} reverting\n{RUN} unseen", "took the change back before it was confirmed"),
        (f"{RUN} unseen", "took the change back before it was confirmed"),
    ],
)
def test_a_change_that_is_not_there_any_more_was_taken_back_by_the_router(
    runs: str, said: str
) -> None:
    edit = Edit(Op.ADD, Where.RUNTIME, "-A LVSFLEET-IN -p vrrp -j ACCEPT")
    shell = cast("Any", None)
    work = Work(
        Desired("ams1"),
        lambda _: Change(Backend.IPTABLES, edits=(edit,)),
        Connections(lambda ask: ask(shell), lambda: shell, lambda: nullcontext(shell)),
        lambda _, do: do(),
        Options(run=RUN),
        ask=lambda *_, **__: observed({"units": printed("observe/units-debian"), "runs": runs}),
    )
    work.run = RUN
    with pytest.raises(ApplyFailed, match=said) as told:
        work.look(shell, work.planner)
    assert ("--confirm-timeout" in told.value.hint) == ("took" in said)
