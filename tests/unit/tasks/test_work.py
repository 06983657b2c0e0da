"""The steps of a run on one router: how long each is waited for."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast

import pytest

from inventory.desired import Backend, Desired
from tasks.backends.protocol import Change
from tasks.errors import DeadlineExceeded
from tasks.look import Connections, Options
from tasks.work import Work


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
    options = Options(run="20261123T074512Z-ams-4f2a", who="ann", timeout=120.0)
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
