"""What the stories of a whole fleet begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.fleet import Lab
from tests.lab.fleet.runs import Runs
from tests.lab.rollout.fleet import Fleet


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Fleet:
    """The routers as they are, and an inventory that describes them."""
    return Fleet(lab, tmp_path / "inventory").patient()


@pytest.fixture
def runs(fleet: Fleet) -> Runs:
    """The journal of what is run on it."""
    return Runs(fleet)
