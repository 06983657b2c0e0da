"""Thousands of rules are planned in a second; what grows with their square shows here."""

from __future__ import annotations

import time
from ipaddress import ip_address

import pytest
from hypothesis import given, settings

from inventory.desired import Backend, Desired, Service, ServicePorts
from inventory.rules import PortRange, Protocol, Rule, Ruleset
from tasks.backends.protocol import Covered
from tasks.plan import plan
from tests.strategies import crowded_rules, crowded_rulesets
from tests.unit.tasks.routers import FirewalldRouter, IptablesRouter

PORTS = tuple(ServicePorts(Protocol.TCP, PortRange(port, port)) for port in (80, 443))
SERVICES = tuple(
    Service(f"s{n:04}", (ip_address(0xC6336400 + n),), PORTS, n + 1) for n in range(1000)
)


@pytest.mark.parametrize(
    ("backend", "router"),
    [
        (Backend.IPTABLES, IptablesRouter.booted({})),
        (Backend.FIREWALLD, FirewalldRouter.with_rules({"public": []})),
    ],
)
def test_a_thousand_services_are_planned_at_once(
    backend: Backend, router: IptablesRouter | FirewalldRouter
) -> None:
    desired = Desired("r1", backend=backend, services=SERVICES)
    begun = time.thread_time()
    router.bring(desired)
    assert plan(desired, router.observe()).edits == ()
    assert plan(Desired("r1", backend=backend), router.observe()).edits
    assert time.thread_time() - begun < 15  # of which the plans take one or two


@settings(max_examples=100, deadline=None, derandomize=True)
@given(crowded_rulesets, crowded_rules)
def test_a_rule_is_covered_where_all_of_it_is_done(whole: Ruleset, rule: Rule) -> None:
    assert (rule in Covered(whole)) == whole.covers(Ruleset.of([rule]))
