"""A lab for the tests: six routers in a lab of their own, beside whatever else runs here.

``LVSFLEET_TEST_LAB`` chooses another number, so that two runs need not wait for each other. Workers
of one run (pytest-xdist) have a lab each, from 10 on: nobody else's number is taken.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inventory.errors import LvsfleetError
from lab.fleet import Lab

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
NUMBER = int(os.environ.get("LVSFLEET_TEST_LAB") or 10 + 2 * _WORKER)
OTHERS_NUMBER = int(os.environ.get("LVSFLEET_TEST_LAB_OF_OTHERS") or 11 + 2 * _WORKER)
"""For other routers than the six, of other kinds or only to come and go; one test after another."""

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder asks real routers."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.lab)


@contextmanager
def reserved(number: int) -> Iterator[Lab]:
    """A lab that no other test run has, gone before and after."""
    lab = Lab(number)
    with Path(f"/run/lock/lvslab{number}-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lab.down()
        try:
            yield lab
        finally:
            lab.down()


@pytest.fixture(scope="session")
def inventory_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the inventory of ``lab``."""
    return tmp_path_factory.mktemp("lab") / "inventory"


@pytest.fixture(scope="session")
def lab(inventory_dir: Path) -> Iterator[Lab]:
    """Six routers: ams1 and ams2 (firewalld), fra1 and fra2 (Debian), lon1 and lon2 (RHEL).

    Tests share it. One that changes routers asks for ``fresh`` and says which.
    """
    if os.geteuid() != 0:
        pytest.fail("tests/lab needs root: it boots routers", pytrace=False)
    try:
        with reserved(NUMBER) as lab:
            lab.up(inventory=inventory_dir)
            yield lab
    except LvsfleetError as error:
        pytest.fail(f"the lab: {error}", pytrace=False)


@pytest.fixture
def fresh(lab: Lab) -> Callable[..., Lab]:
    """Gives clusters routers as new: ``fresh("ams")``, or ``fresh()`` all of them; 2 to 3 s."""

    def reset(*clusters: str) -> Lab:
        routers = [
            router.name
            for router in lab.topology.routers
            if not clusters or router.site.name in clusters
        ]
        lab.reset(*routers)
        lab.settle(*clusters)
        return lab

    return reset


@pytest.fixture
def spare() -> Iterator[Lab]:
    """A lab that is not up, for tests of up and down."""
    if os.geteuid() != 0:
        pytest.fail("tests/lab needs root: it boots routers", pytrace=False)
    with reserved(OTHERS_NUMBER) as lab:
        yield lab
