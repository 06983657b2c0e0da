from __future__ import annotations

import pytest
from nornir.core.inventory import Defaults, Group, Host, ParentGroups

from runbooks.selection import NothingSelected, select

SECRET = "hunter2"  # noqa: S105 - only to be refused
EUROPE = Group("europe", data={"site": "eu"})
AMS = Group("ams", groups=ParentGroups([EUROPE]), data={"cluster": "ams"})
FRA = Group("fra", groups=ParentGroups([EUROPE]), data={"cluster": "fra", "canary": True})
LAB = Group("lab", data={"cluster": "lab"})


def host(name: str, group: Group, **data: object) -> Host:
    return Host(name, groups=ParentGroups([group]), data=data, password=SECRET, platform="debian")


HOSTS = {
    each.name: each
    for each in (
        host("ams2", AMS),
        host("ams1", AMS, rack=7, tags=["old", "small"]),
        host("fra1", FRA, vrrp={"accept": True}),
        host("lab1", LAB),
    )
}


@pytest.mark.parametrize(
    ("limit", "filters", "names"),
    [
        ([], [], "ams2 ams1 fra1 lab1"),
        (["fra1,ams1"], [], "ams1 fra1"),
        (["fra1", "ams1"], [], "ams1 fra1"),
        ([" fra1 , "], [], "fra1"),
        (["ams"], [], "ams2 ams1"),
        (["europe"], [], "ams2 ams1 fra1"),
        (["*1"], [], "ams1 fra1 lab1"),
        (["ams[12]"], [], "ams2 ams1"),
        (["euro*"], [], "ams2 ams1 fra1"),
        (["ams,lab*"], [], "ams2 ams1 lab1"),
        ([], ["cluster=ams"], "ams2 ams1"),
        ([], ["site=eu"], "ams2 ams1 fra1"),
        ([], ["rack=7"], "ams1"),
        ([], ["canary=true"], "fra1"),
        ([], ["tags=old"], "ams1"),
        ([], ["vrrp.accept=true"], "fra1"),
        ([], ["platform=debian", "name=lab1"], "lab1"),
        ([], ["group=europe"], "ams2 ams1 fra1"),
        (["*1"], ["site=eu"], "ams1 fra1"),
    ],
)
def test_the_inventorys_order_stays(limit: list[str], filters: list[str], names: str) -> None:
    assert " ".join(select(HOSTS, limit, filters)) == names


@pytest.mark.parametrize(
    ("limit", "filters", "message"),
    [
        (["amz1"], [], "--limit: 'amz1' names no router and no group. Did you mean 'ams1'"),
        (
            ["ams1,fra9"],
            [],
            "--limit: 'fra9' names no router and no group. Did you mean 'fra' or 'fra1'?",
        ),
        (["AMS1"], [], "--limit: 'AMS1' names no router and no group"),
        (["x*", "ams", "y"], [], "--limit: 'x*' and 'y' name no router and no group"),
        (["zzz"], [], "There are 'ams2', 'ams', 'europe', 'ams1', 'fra1' and 3 more."),
        ([], ["cluster=par"], "matches no router. Its values are 'ams', 'fra' and 'lab'."),
        ([], ["clutser=ams"], "No router has 'clutser'. Did you mean 'cluster'?"),
        ([], ["cluster"], "--filter 'cluster' is no key=value"),
        ([], ["=ams"], "is no key=value"),
        ([], ["password=hunter2"], "--filter password=hunter2 matches no router"),
        (["ams"], ["cluster=fra"], "--limit and --filter together match no router"),
    ],
)
def test_what_matches_nothing_is_named(limit: list[str], filters: list[str], message: str) -> None:
    with pytest.raises(NothingSelected) as caught:
        select(HOSTS, limit, filters)
    assert message in str(caught.value)


def test_an_empty_inventory_has_no_router() -> None:
    with pytest.raises(NothingSelected, match="the inventory has no router"):
        select({})


def test_defaults_count_too() -> None:
    one = Host("r", defaults=Defaults(data={"site": "x"}))
    assert select({"r": one}, filters=["site=x"]) == ("r",)
