"""The JSON Schemas: committed as generated, true of good inventories, and of most bad ones."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from inventory import yamlfile
from inventory.errors import LvsfleetError
from inventory.loader import EXAMPLE
from inventory.schema import FOLDER, KINDS, schema, schema_text
from tests.inventory_cases import BASE, Case, ids, read_cases

BAD = list(read_cases("bad"))
GOOD = list(read_cases("good"))
BEYOND = {
    "config: a hosts file that is not there",
    "draining: one of a pair only",
    "fleet: a pair without a cluster",
    "fleet: a service taken away from one of a pair",
    "fleet: a service that is not the same on both of a pair",
    "fleet: a service that only one of a pair has",
    "fleet: one VIP in two clusters",
    "fleet: services in the defaults, two clusters",
    "fleet: two groups, one cluster, other services",
    "marks: one mark for two services",
    "marks: one mark for two services, one of them from the defaults",
    "marks: one port of a VIP under two marks",
    "ports: a range from its end",
    "routers: a router that is managed by a VIP",
    "routers: one address for two routers",
    "routers: one address for two routers, in two spellings",
    "routers: one host name for a whole group",
    "settings: a policy from the group, a zone from the defaults",
    "settings: a zone from the defaults, a backend without zones from the group",
    "settings: start, but which backend",
    "shape: a group that does not exist",
    "shape: a group that does not exist, where there are none",
    "shape: groups in a circle",
    "shape: names that are no text",
}
"""What only ``inventory check`` sees: inheritance, other routers, spellings."""


def refused(files: dict[str, str]) -> bool:
    """Whether some file is no YAML, or not what its schema says."""
    for name, text in files.items():
        kind = Path(name).stem
        document = yamlfile.parse(text)
        if document.faults:
            return True
        if kind not in KINDS:
            continue
        # Editors see JSON: its keys are all text.
        value = json.loads(json.dumps(document.value, default=str))
        if not jsonschema.Draft7Validator(schema(kind)).is_valid(value):
            return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_the_generated_one(kind: str) -> None:
    assert (FOLDER / f"{kind}.json").read_text() == schema_text(kind), (
        f"run: lvsfleet inventory schema {kind} > inventory/schemas/{kind}.json"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_a_valid_schema(kind: str) -> None:
    jsonschema.Draft7Validator.check_schema(schema(kind))


def test_there_is_no_other_schema() -> None:
    with pytest.raises(LvsfleetError, match="hosts, groups, defaults, config"):
        schema("routers")


def test_the_example_fits_its_schemas() -> None:
    files = {file.name: file.read_text() for file in EXAMPLE.glob("*.yaml")}
    assert set(files) == {f"{kind}.yaml" for kind in KINDS}
    assert not refused(files)


@pytest.mark.parametrize("case", GOOD, ids=ids(GOOD))
def test_good_inventories_fit(case: Case) -> None:
    assert not refused({**BASE, **case.files})


@pytest.mark.parametrize("case", BAD, ids=ids(BAD))
def test_an_editor_sees_most_of_what_is_wrong(case: Case) -> None:
    beyond = f"{case.file.stem}: {case.title}" in BEYOND
    assert refused(case.files) is not beyond
