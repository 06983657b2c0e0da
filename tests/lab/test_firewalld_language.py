"""Rules through the real firewalld: typed in any spelling, run and saved, read back, compared."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.rules import AcceptProtocol, Mark, RouterProtocol, Rule, Ruleset
from lab.fleet import Lab
from tasks.backends import rich
from tasks.backends.firewalld_place import Place, Side, running, saved
from tasks.bus import bus_strings
from tasks.observe import Observed, parse
from tasks.remote import script
from tasks.shell import Completed
from tests.lab.rollout.fleet import wait_for_firewalld
from tests.strategies import crowded_rules, rules

ROUTER = "ams2"
NONCE = "0123456789abcdef"
PLACES = (Place("zone", "internal"), Place("policy", "allow-host-ipv6"))
NUMBERS = {RouterProtocol.VRRP: "112", RouterProtocol.AH: "51"}

few = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@st.composite
def spelled(draw: st.DrawFn, rule: Rule) -> str:
    """A rich rule as lvsfleet writes it, or as somebody may type it: other words, same values."""
    if draw(st.booleans()):
        return rich.render(rule)
    mark = draw(st.sampled_from(['"', "'", ""]))

    def quoted(*words: object) -> str:
        return f"{mark}{draw(st.sampled_from(words))}{mark}"

    if isinstance(rule, AcceptProtocol):
        name = rule.protocol.value
        return f"rule protocol value={quoted(name, NUMBERS[rule.protocol])} accept"
    vip, first, last = rule.vip, rule.ports.first, rule.ports.last
    full = vip.max_prefixlen
    address = quoted(vip, vip.exploded, f"{vip}/{full}", str(vip).upper())
    port = quoted(rule.ports, f"{first}-{last}")
    action = "accept"
    if isinstance(rule, Mark):
        number = rule.mark
        action = f"mark set={quoted(number, hex(number), f'{number:#x}/0xffffffff')}"
    return (
        f"rule family={quoted(f'ipv{vip.version}')} destination address={address}"
        f" port port={port} protocol={quoted(rule.protocol.value)} {action}"
    )


typed = st.lists(rules | crowded_rules, min_size=10, max_size=24).flatmap(
    lambda drawn: st.tuples(st.just(Ruleset.of(drawn)), st.tuples(*map(spelled, drawn)))
)


class Router:
    """A router with firewalld, typed at without lvsfleet."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        lab.reset(ROUTER)
        wait_for_firewalld(lab, ROUTER)

    def sh(self, text: str) -> str:
        return self._lab.exec(ROUTER, ["sh", "-ec", text]).stdout

    def type_in(self, place: Place, texts: Iterable[str], *, program: str, verb: str) -> None:
        words = " ".join(shlex.quote(f"--{verb}-rich-rule={text}") for text in texts)
        if words:
            self.sh(f"{program} {place.option} {words}")

    def observe(self) -> Observed:
        """As lvsfleet looks at it."""
        argv = ["sh", "-s", "--", NONCE, "firewalld", " ".join(each.word for each in PLACES)]
        done = self._lab.exec(ROUTER, argv, stdin=script("observe"))
        return parse(Completed(done.returncode, done.stdout, done.stderr), NONCE)

    def listed(self) -> list[list[str]]:
        """The rules of the zone as firewall-cmd prints them, and busctl in both formats."""
        call = (
            "call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1"
            " org.fedoraproject.FirewallD1.zone getRichRules s internal"
        )
        told = [bus_strings(self.sh(f"busctl {option} {call}")) for option in ("", "--json=short")]
        printed = self.sh("firewall-cmd --zone=internal --list-rich-rules").splitlines()
        return [sorted(each) for each in (printed, *told)]


@pytest.fixture(scope="module")
def router(lab: Lab) -> Router:
    return Router(lab)


def does(side: Side | None) -> Ruleset:
    assert side is not None
    return Ruleset.of(each.rule for each in side.rules if each.rule is not None)


@few
@given(typed)
def test_what_is_typed_comes_back_running_and_saved(
    router: Router, typed: tuple[Ruleset, tuple[str, ...]]
) -> None:
    wanted, texts = typed
    for place in PLACES:
        router.type_in(place, texts, program="firewall-cmd", verb="add")
        router.type_in(place, texts, program="firewall-offline-cmd", verb="add")
    try:
        seen = router.observe()
        for place in PLACES:
            assert does(running(place, seen)) == wanted, place
            assert does(saved(place, seen)) == wanted, place
        printed, on_bus, as_json = router.listed()
        assert printed == on_bus == as_json
        assert Ruleset.of(rule for text in printed if (rule := rich.parse(text).rule)) == wanted
    finally:
        clear(router)


def clear(router: Router) -> None:
    """Take each rule away by the text that it was printed with: it is known by no other."""
    seen = router.observe()
    for place in PLACES:
        side = running(place, seen)
        assert side is not None
        ours = [each.text for each in side.rules if each.rule is not None]
        router.type_in(place, ours, program="firewall-cmd", verb="remove")
    router.sh("rm -f /etc/firewalld/zones/internal.xml /etc/firewalld/policies/allow-host-ipv6.xml")
    seen = router.observe()
    for place in PLACES:
        assert not does(running(place, seen)), "removed by its own words, and still there"
