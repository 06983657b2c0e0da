"""A short storm; a long one is `make chaos`."""

from __future__ import annotations

import os
import sys
import time

from tests.lab.chaos.storm import Storm
from tests.lab.chaos.world import World

ROLLOUTS = 24
SECONDS = 600.0
SEED = 3
"""The same in every run, so that a failure is the change's; `make chaos` takes another."""


def test_rollouts_with_a_random_fault_each(world: World) -> None:
    """The seed is printed; LVSFLEET_CHAOS_SEED brings it again."""
    given = os.environ.get("LVSFLEET_CHAOS_SEED")
    seed = int(given) if given else SEED
    sys.stdout.write(f"seed {seed}\n")
    lines: list[str] = []
    until = time.monotonic() + SECONDS
    storm = Storm(world, seed, lines.append, until=until, most=ROLLOUTS)
    try:
        storm.run()
    finally:
        sys.stdout.write("\n".join(lines) + "\n")
    assert storm.done.total() == ROLLOUTS
