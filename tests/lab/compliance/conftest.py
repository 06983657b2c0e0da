"""What the stories of compliance begin with."""

from __future__ import annotations

from tests.lab.rollout.conftest import fleet, fleet_of_module, others

__all__ = ["fleet", "fleet_of_module", "others"]
