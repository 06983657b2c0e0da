"""What holds for all tests: signals mean what they mean at a terminal, wherever the tests run.

Several workers (pytest-xdist, ``--dist loadfile --no-loadscope-reorder``) take files as they come:
the longest first, so that in the end none has a long one for itself while the others are done.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

# Started in the background, a shell has SIGINT ignored, and so would every program under test:
# lvsfleet, rightly, does not listen to a signal that it was told to ignore.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)

# What an operator's shell sets for lvsfleet, or git for its hooks, is not meant for the tests.
OURS = ("LVSFLEET_AXE", "LVSFLEET_CHAOS", "LVSFLEET_SCREENSHOTS", "LVSFLEET_TEST")
for name in [*os.environ]:
    if name.startswith(("LVSFLEET_", "GIT_")) and not name.startswith(OURS):
        del os.environ[name]

# The same examples each time, however slow the machine is just now. New ones are looked for where
# somebody waits for what is found: `pytest --hypothesis-profile search`.
slow = [HealthCheck.too_slow]
settings.register_profile("search", deadline=None, suppress_health_check=slow, print_blob=True)
settings.register_profile("same", settings.get_profile("search"), derandomize=True)
settings.load_profile("same")

HERE = Path(__file__).parent
LONGEST = (
    "lab/fleet/test_waves.py",
    "lab/rollout/test_zones.py",
    "lab/fleet/test_rollback.py",
    "lab/compliance/test_faults.py",
    "lab/chaos/test_router_odd.py",
    "lab/chaos/test_router_dies.py",
    "lab/vip/test_ends.py",
    "lab/chaos/test_controller_dies.py",
    "lab/compliance/test_balancing.py",
    "lab/vip/test_faults.py",
    "lab/rollout/test_reverted.py",
    "lab/chaos/test_line_dies.py",
    "lab/rollout/test_nftables_stories.py",
    "lab/vip/test_moves.py",
    "lab/rollout/test_preflight.py",
    "lab/rollout/test_docker.py",
    "lab/rollout/test_other_backend.py",
    "lab/rollout/test_adopt.py",
    "lab/vip/test_drain.py",
    "lab/fleet/test_forty.py",
    "lab/walk/test_agree.py",
    "lab/chaos/test_storm.py",
    "lab/rollout/test_reach.py",
    "lab/rollout/test_hitless.py",
    "lab/rollout/test_start.py",
    "lab/vip/test_checks.py",
)
"""From three minutes down to one, with four workers on two cores; then come the lab's others, and
last those without it, the ones with many tests first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first where workers share the tests."""
    assert all((HERE / file).exists() for file in LONGEST), "LONGEST names a file that is gone"
    if "PYTEST_XDIST_WORKER" in os.environ:
        tests = Counter(item.path for item in items)
        items.sort(
            key=lambda item: (
                *_place(item.path.relative_to(HERE).as_posix()),
                -tests[item.path],
            )
        )


def _place(file: str) -> tuple[bool, int]:
    return not file.startswith("lab/"), LONGEST.index(file) if file in LONGEST else len(LONGEST)
