"""What the stories of the rollout begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.fleet import Lab
from tests.lab.rollout.fleet import Fleet


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Fleet:
    """The routers as they are, and an inventory that describes them."""
    return Fleet(lab, tmp_path / "inventory")


@pytest.fixture(scope="module")
def fleet_of_module(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """The same for a whole module."""
    return Fleet(lab, tmp_path_factory.mktemp("module") / "inventory")
