"""How long a router may have read other files than the others before it takes that back."""

from __future__ import annotations

from typing import Any, cast

import pytest

from runbooks.interrupt import Stop
from runbooks.staging import Staging
from tests.unit.runbooks.test_abreast import NAMES, abreast


class Instances:
    """What keepalived says in a cluster with a quick and a slow vrrp_instance."""

    def seconds_to_be_noticed(self, _routers: object) -> float:
        return 2.0

    def seconds_to_notice(self, _routers: object) -> float:
        return 12.0


class Reading:
    """The run on one router, whose keepalived reads what it is told to."""

    def __init__(self, given: list[float]) -> None:
        self.given = given
        self.step: object = None

    def noted(self, _name: str, do: Any) -> Any:
        return do()

    def reread(self, _part: str, _run: str, *, alone: float) -> None:
        self.given.append(alone)

    def follow(self, _part: str, _run: str) -> None:
        """The others have done so, too."""


def test_a_third_of_the_time_of_the_quickest_instance() -> None:
    """Its BACKUP is the first to be MASTER as well."""
    team, given = abreast(Stop()), list[float]()
    for member in team.members.values():
        member.work, member.unread = cast("Any", Reading(given)), "1-keepalived"
    Staging(team, NAMES, cast("Any", Instances()))._read_again(NAMES)
    assert given == [pytest.approx(2 / 3)] * len(NAMES)
    assert not any(member.unread for member in team.members.values())
