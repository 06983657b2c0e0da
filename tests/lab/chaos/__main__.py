"""Rollouts with random faults for as long as told: ``python -m tests.lab.chaos --seconds 600``."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.lab.chaos.storm import Storm
from tests.lab.chaos.world import World
from tests.lab.conftest import NUMBER, reserved


def main() -> int:
    """Run it; 0 when every router was wholly old or wholly new each time."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="for how long")
    parser.add_argument("--rollouts", type=int, default=1_000_000, help="and at most so many")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to see it again")
    parser.add_argument("--lab", type=int, default=NUMBER, help="its number; it is taken down")
    given = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    tell(f"seed {seed}")
    with reserved(given.lab) as lab, tempfile.TemporaryDirectory() as folder:
        lab.up()
        world = World(lab, Path(folder))
        world.build()
        begun = time.monotonic()
        storm = Storm(world, seed, tell, until=begun + given.seconds, most=given.rollouts)
        try:
            storm.run()
        except AssertionError:
            tell(f"FAILED with seed {seed}")
            return 1
        finally:
            for kind, count in storm.done.most_common():
                tell(f"{count:5} {kind}")
            tell(
                f"{storm.done.total()} rollouts in {time.monotonic() - begun:.0f} s: "
                f"{storm.ends['old']} ended old, {storm.ends['new']} new; seed {seed}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
