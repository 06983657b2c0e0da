"""Whatever is valid comes back from YAML as it was, wherever in the inventory it stands."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Desired, Service
from inventory.fleet import check
from inventory.loader import load_fleet
from inventory.problems import InventoryProblems
from tests.strategies import data_spec, desireds, service_spec, services

few = settings(max_examples=60, deadline=None)


def load(**documents: object) -> dict[str, Desired]:
    with tempfile.TemporaryDirectory() as folder:
        for name, document in documents.items():
            text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
            (Path(folder) / f"{name}.yaml").write_text(text)
        return dict(check(load_fleet(Path(folder))).desired)


@few
@given(desireds(), st.sampled_from(["host", "group", "defaults"]))
def test_a_router_is_read_as_it_was_written(desired: Desired, place: str) -> None:
    data = data_spec(desired)
    host: dict[str, object] = {"hostname": "192.0.2.1", "groups": ["one"]}
    came = load(
        hosts={desired.router: host | ({"data": data} if place == "host" else {})},
        groups={"one": {"data": data if place == "group" else {}}},
        defaults={"data": data if place == "defaults" else {}},
    )
    assert came == {desired.router: desired}


@few
@given(services(name="web", mark=1), services(name="web", mark=1), services(name="web", mark=1))
def test_the_nearest_service_wins(near: Service, far: Service, farthest: Service) -> None:
    came = load(
        hosts={"r": {"hostname": "192.0.2.1", "groups": ["a", "b"]}},
        groups={
            "a": {"groups": ["aa"]},
            "aa": {"data": {"services": {"web": service_spec(near)}}},
            "b": {"data": {"services": {"web": service_spec(far)}}},
        },
        defaults={"data": {"services": {"web": service_spec(farthest)}}},
    )
    assert came["r"].services == (near,)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers() | st.none(), inner, max_size=3)
    ),
    max_leaves=6,
)
near_misses = st.fixed_dictionaries(
    {},
    optional={
        "hostname": anything,
        "port": anything,
        "username": anything,
        "groups": anything,
        "connection_options": anything,
        "data": anything
        | st.fixed_dictionaries(
            {},
            optional={
                "cluster": anything,
                "zone": anything,
                "vrrp": anything,
                "services": anything
                | st.dictionaries(
                    st.text(max_size=5),
                    anything
                    | st.fixed_dictionaries(
                        {"vips": anything, "ports": anything, "mark": anything}
                    ),
                    max_size=2,
                ),
            },
        ),
    },
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=6), near_misses, max_size=2) | anything, near_misses)
def test_nothing_else_than_problems_comes_of_rubbish(hosts: object, group: object) -> None:
    try:
        load(hosts=hosts, groups={"ams": group})
    except InventoryProblems as refused:
        for problem in refused.problems:
            text = str(problem)
            assert all(c.isprintable() for c in text), text
            assert len(text) < 600
