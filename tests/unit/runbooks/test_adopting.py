"""An inventory from what routers do: whatever that is, a rollout of it finds nothing to do."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from errno import EACCES
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Service, ServicePorts
from inventory.errors import LvsfleetError
from inventory.fleet import check
from inventory.loader import load_fleet
from inventory.rules import Mark, PortRange, Protocol, Ruleset
from runbooks.adopt import refuse_existing
from runbooks.adopting.draft import Draft, drafts
from runbooks.adopting.files import files, scalar
from runbooks.adopting.names import service_name, slug
from runbooks.adopting.report import render
from runbooks.adopting.teams import common_name
from runbooks.reports.text import PLAIN
from tasks.adopt.today import Today, today
from tasks.backends import rich
from tasks.backends.iptables_save import render as lines_of
from tasks.errors import NotUnderstood
from tasks.keepalived.files import Files
from tasks.keepalived.read import read
from tasks.plan import plan
from tests.unit.tasks.routers import FirewalldRouter, IptablesRouter
from tests.unit.tasks.worlds import FOREIGN_RICH, MANGLE_LINES, crowded_states

few = settings(max_examples=40, deadline=None)
EMPTY = dict.fromkeys(IptablesRouter.paths.values(), "*mangle\nCOMMIT\n")
TAIL = "COMMIT\n*filter\n-A INPUT -j DROP\nCOMMIT\n"


def typed(desired: Desired, *lines: str) -> IptablesRouter:
    """A router whose marks somebody typed by hand, and saved."""
    files = {}
    for version, path in IptablesRouter.paths.items():
        marks = Ruleset(desired.ruleset.of_family(version).marks)
        mine = lines if version == 4 else ()
        text = "".join(f"{x}\n" for x in (*lines_of("PREROUTING", marks), *mine))
        files[path] = f"*mangle\n{text}{TAIL}"
    return IptablesRouter.booted(files)


def bare(desired: Desired, router: str = "lb1") -> Desired:
    return Desired(router, backend=desired.backend)


def loaded(found: list[Draft]) -> Mapping[str, Desired]:
    """The inventory that is written, read again."""
    routers = [each.router for draft in found for each in draft.team.routers]
    logins = {name: {"hostname": f"{name}.example.com", "username": "root"} for name in routers}
    with tempfile.TemporaryDirectory() as name:
        own = {each: {"x-a": "b: c"} for each in routers}
        for file, text in files(found, logins, own).items():
            (Path(name) / file).write_text(text)
        return dict(check(load_fleet(Path(name))).desired)


@few
@given(crowded_states(Backend.IPTABLES), st.lists(st.sampled_from(MANGLE_LINES), unique=True))
def test_what_was_typed_is_described_and_stays(desired: Desired, more: list[str]) -> None:
    router = typed(desired, *(line for line in more if "PREROUTING" in line))
    observed = router.observe()
    found = drafts([today(bare(desired), observed)])
    came = loaded(found)["lb1"]
    assert found[0].ahead == ()
    assert plan(came, observed).edits == ()
    assert Ruleset(came.ruleset.marks).covers(Ruleset(desired.ruleset.marks))
    odd = [line for line in more if "PREROUTING" in line and "0x10/0x10" in line]
    assert all(any(line in said for said in found[0].untold) for line in odd)
    assert render(found, {}, [], PLAIN).endswith("A rollout of it changes nothing.\n")


@few
@given(crowded_states(Backend.FIREWALLD), st.lists(st.sampled_from(FOREIGN_RICH), unique=True))
def test_rich_rules_are_described_and_stay(desired: Desired, more: list[str]) -> None:
    rules = [rich.render(rule) for rule in desired.ruleset]
    router = FirewalldRouter.with_rules({"public": [*rules, *more]})
    observed = router.observe()
    came = loaded(drafts([today(bare(desired), observed)]))["lb1"]
    assert plan(came, observed).edits == ()
    wanted = Ruleset.of((*desired.ruleset.marks, *_foreign(more)))
    assert Ruleset(came.ruleset.marks) == wanted
    assert came.vrrp.accept == desired.vrrp.accept


def _foreign(more: list[str]) -> list[Mark]:
    parsed = (rich.parse(text).rule for text in more)
    return [rule for rule in parsed if isinstance(rule, Mark)]


@few
@given(crowded_states(Backend.IPTABLES))
def test_what_lvsfleet_keeps_is_described_as_it_was_said(desired: Desired) -> None:
    router = IptablesRouter.booted(EMPTY)
    router.bring(desired)
    came = loaded(drafts([today(bare(desired), router.observe())]))["lb1"]
    assert plan(came, router.observe()).edits == ()
    assert came.ruleset == desired.ruleset


WEB = Mark(ip_address("203.0.113.10"), Protocol.TCP, PortRange(80, 80), 80)
HTTPS = replace(WEB, ports=PortRange(443, 443))
OTHER = replace(WEB, vip=ip_address("203.0.113.11"))


def routers(*marks: list[Mark], cluster: str | None = None) -> list[Today]:
    """Routers lb1, lb2, … with these marks by hand."""
    found = []
    for number, those in enumerate(marks, start=1):
        text = "".join(f"{x}\n" for x in lines_of("PREROUTING", those))
        path = IptablesRouter.paths[4]
        router = IptablesRouter.booted({path: f"*mangle\n{text}{TAIL}"})
        desired = Desired(f"lb{number}", cluster, Backend.IPTABLES)
        found.append(today(desired, router.observe()))
    return found


def test_routers_that_share_a_vip_are_a_cluster() -> None:
    (draft,) = drafts(routers([WEB, HTTPS], [WEB, HTTPS]))
    assert (draft.team.cluster, [each.router for each in draft.team.routers]) == (
        "lb",
        ["lb1", "lb2"],
    )
    assert [each.service.name for each in draft.services] == ["web"]
    assert draft.ahead == ()


def test_a_router_that_lacks_a_port_is_told() -> None:
    (draft,) = drafts(routers([WEB, HTTPS], [WEB]))
    assert draft.services[0].service.ports == (
        ServicePorts(Protocol.TCP, PortRange(80, 80)),
        ServicePorts(Protocol.TCP, PortRange(443, 443)),
    )
    assert draft.ahead
    assert all(line.startswith("lb2: add ") for line in draft.ahead)


def test_routers_that_share_nothing_stand_alone() -> None:
    alone = drafts(routers([WEB], [OTHER]))
    assert [each.team.cluster for each in alone] == [None, None]
    came = loaded(alone)
    assert (came["lb1"].cluster, came["lb2"].cluster) == (None, None)


def test_a_cluster_that_the_inventory_names_keeps_its_name() -> None:
    (draft,) = drafts(routers([WEB], [OTHER], cluster="site"))
    assert draft.team.cluster == "site"


def test_other_ports_under_the_same_mark_are_left_out() -> None:
    (draft,) = drafts(routers([WEB, HTTPS, OTHER]))
    assert draft.services[0].service.vips == (WEB.vip,)
    (left,) = draft.untold
    assert "mark 80 for 203.0.113.11: 80/tcp" in left
    assert draft.ahead == ()


def test_marks_that_contradict_are_left_out() -> None:
    other = replace(WEB, mark=81)
    (draft,) = drafts(routers([WEB, HTTPS, other]))
    assert [each.service.ports for each in draft.services] == [
        (ServicePorts(Protocol.TCP, PortRange(443, 443)),)
    ]
    assert len(draft.untold) == 2
    assert draft.ahead == ()


def owning(*marks: list[Mark]) -> list[Today]:
    """Routers lb1, lb2, … that lvsfleet gave these marks."""
    found = []
    for number, those in enumerate(marks, start=1):
        router = IptablesRouter.booted(EMPTY)
        services = tuple(
            Service(f"s{n}", (each.vip,), (ServicePorts(each.protocol, each.ports),), each.mark)
            for n, each in enumerate(those)
        )
        desired = Desired(f"lb{number}", "lb", Backend.IPTABLES)
        router.bring(replace(desired, services=services))
        found.append(today(desired, router.observe()))
    return found


def test_lvsfleets_own_rule_that_is_left_out_is_told_to_go() -> None:
    (draft,) = drafts(owning([WEB], [replace(WEB, mark=81)]))
    assert draft.untold == ()
    (goes,) = draft.going
    assert "lb2: iptables, lvsfleet's own chain" in goes
    assert any(line.startswith("lb2: remove ") and "0x51" in line for line in draft.ahead)
    for text in (
        render([draft], {}, [], PLAIN),
        files([draft], {"lb1": {}, "lb2": {}}, {"lb1": {}, "lb2": {}})["groups.yaml"],
    ):
        assert "a rollout of this takes it away:" in text
        assert "stays as it is" not in text


def test_lvsfleets_own_rules_of_a_vip_that_is_left_out_are_told_to_go() -> None:
    other = replace(OTHER, ports=PortRange(8080, 8080))
    (draft,) = drafts(owning([WEB, HTTPS], [other]))
    assert draft.untold == ()
    assert "mark 80 for 203.0.113.11: 8080/tcp" in draft.going[0]


def test_what_somebody_typed_and_is_left_out_is_told_to_stay() -> None:
    (draft,) = drafts(routers([WEB], [replace(WEB, mark=81)], cluster="lb"))
    assert draft.going == ()
    assert "stays as it is:" in render([draft], {}, [], PLAIN)


def test_an_error_of_several_lines_is_read_as_such() -> None:
    error = NotUnderstood("two rules:\n-A one\x07\n-A two", "Look")
    said = render([], {"lb1": error}, [], PLAIN)
    assert "    lb1: two rules:\n    -A one\\x07\n    -A two. Look\n" in said


def test_a_folder_that_one_may_not_look_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refused)
    with pytest.raises(LvsfleetError, match="cannot be looked into: Permission denied"):
        refuse_existing(tmp_path)


def test_a_mark_in_the_runtime_only_is_told() -> None:
    (one,) = routers([WEB])
    sections = {**one.observed.sections}
    path = f"file:{IptablesRouter.paths[4]}"
    sections[path] = replace(sections[path], text=f"*mangle\n{TAIL}")
    (draft,) = drafts([today(one.desired, replace(one.observed, sections=sections))])
    assert [line for line in draft.ahead if "saved" in line] == list(draft.ahead) != []


CONF = """
virtual_server_group shop-front { fwmark 80 }
# the files of all customers, past and present
virtual_server fwmark 21 { }
virtual_server fwmark 53 { # name service
}
"""


@pytest.mark.parametrize(
    ("mark", "port", "taken", "name"),
    [
        (80, 80, (), "shop-front"),
        (21, 21, (), "ftp"),
        (53, 5353, (), "name-service"),
        (25, 25, (), "smtp"),
        (25, 25, ("smtp",), "smtp-25"),
        (7, 4711, (), "mark7"),
    ],
)
def test_names(mark: int, port: int, taken: tuple[str, ...], name: str) -> None:
    config = read(Files("k", {"k": CONF}))
    ports = [ServicePorts(Protocol.TCP, PortRange(port, port))]
    assert service_name(mark, ports, [config], taken)[0] == name


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (["lb1", "lb2"], "lb"),
        (["ams-lb-01", "ams-lb-02"], "ams-lb"),
        (["lb1.ams.example.com", "lb2.ams.example.com"], "lb"),
        (["a", "b"], "cluster"),
        (["1", "12"], "cluster"),
    ],
)
def test_what_names_have_in_common(names: list[str], common: str) -> None:
    assert common_name(names) == common


@given(st.text())
def test_a_slug_is_a_name_or_nothing(text: str) -> None:
    from inventory.values import service_name as checked  # noqa: PLC0415

    name = slug(text)
    assert name == "" or checked(name) == name


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-", min_size=1), inner),
    max_leaves=6,
)


@given(json)
def test_a_value_comes_back_from_its_file(value: object) -> None:
    from inventory.yamlfile import parse  # noqa: PLC0415

    assert parse(f"key: {scalar(value)}\n").value == {"key": value}
