"""``rollback RUN`` on nftables and on iptables-legacy: there, back, and there again."""

from __future__ import annotations

import json

from tests.lab.rollout.fleet import AT_ONCE, Answer, Fleet, differences

ROUTERS = ("ams2", "fra2")


def contents(fleet: Fleet, router: str) -> dict[str, str]:
    """What the router filters with, and every byte of /etc; a table without rules is none."""
    state = fleet.state(router, "contents", "locks")
    rules = fleet.sh(router, "nft list table inet lvsfleet 2>/dev/null || true")
    for name in ("iptables", "ip6tables"):
        rules += fleet.sh(router, f"{name}-save 2>/dev/null | grep -e ^-A -e LVSFLEET || true")
    legacy = "for p in iptables ip6tables; do $p-legacy-save 2>/dev/null | grep ^-A; done; true"
    return {
        "rules": rules + fleet.sh(router, legacy),
        **{name: state[name] for name in ("contents", "locks")},
    }


def run_of(answer: Answer) -> str:
    return str(json.loads(answer.stdout)["run"])


def test_back_and_forth(others: Fleet) -> None:
    fleet = others
    fleet.fresh(*ROUTERS)
    before = {router: contents(fleet, router) for router in ROUTERS}
    rolled = fleet.rollout(*ROUTERS)
    assert rolled.code == 0, rolled
    after = {router: contents(fleet, router) for router in ROUTERS}

    back = fleet.run("rollback", run_of(rolled), "--format", "json", *AT_ONCE)
    assert back.code == 0, back
    assert back.statuses == dict.fromkeys(ROUTERS, "changed")
    for router in ROUTERS:
        assert differences(before[router], contents(fleet, router)) == {}, router

    forth = fleet.run("rollback", run_of(back), "--format", "json", *AT_ONCE)
    assert forth.code == 0, forth
    for router in ROUTERS:
        assert differences(after[router], contents(fleet, router)) == {}, router
    assert fleet.rollout(*ROUTERS).statuses == dict.fromkeys(ROUTERS, "unchanged")


def test_changed_since(others: Fleet) -> None:
    fleet = others
    fleet.fresh(*ROUTERS)
    before = {router: contents(fleet, router)["rules"] for router in ROUTERS}
    first = fleet.rollout(*ROUTERS)
    assert first.code == 0, first
    changed = Fleet(fleet.lab, fleet.folder)
    for cluster in ("ams", "fra"):
        web = changed.services(cluster)["web"]
        changed.services(cluster)["web"] = {**web, "ports": ["80/tcp", "8080/tcp"]}
    assert changed.rollout(*ROUTERS).code == 0

    refused = fleet.run("rollback", run_of(first), "--format", "json", *AT_ONCE)
    assert refused.code == 1, refused
    for router in ROUTERS:
        kind, message = refused.error(router)
        assert (kind, "8080" in message) == ("changed-since", True)

    forced = fleet.run("rollback", run_of(first), "--format", "json", *AT_ONCE, "--force")
    assert forced.code == 0, forced
    assert {router: contents(fleet, router)["rules"] for router in ROUTERS} == before
