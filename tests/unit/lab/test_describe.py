"""The inventory that a lab writes, and the repository's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab import describe
from lab.topology import Kind, topology

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["config.yaml", "defaults.yaml", "groups.yaml", "hosts.yaml"])
def test_the_repository_describes_lab_0(name: str) -> None:
    here = yaml.safe_load((REPOSITORY / "inventory" / name).read_text(encoding="utf-8"))
    assert here == describe.documents(topology(0, 6))[name]


def test_what_is_written_is_what_is_meant(tmp_path: Path) -> None:
    lab = topology(4, 20, [Kind.IPTABLES_DEBIAN])
    describe.write(lab, tmp_path / "new")
    for name, document in describe.documents(lab).items():
        assert yaml.safe_load((tmp_path / "new" / name).read_text()) == document
    groups = describe.documents(lab)["groups.yaml"]
    assert {group["data"]["backend"] for group in groups.values()} == {"iptables"}
    assert not any("zone" in group["data"] for group in groups.values())
