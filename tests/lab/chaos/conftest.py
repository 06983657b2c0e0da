"""Routers between two inventories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.fleet import Lab
from tests.lab.chaos.world import World


@pytest.fixture(scope="session")
def built(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All six routers, having been at both inventories once; fresh again when all is over."""
    world = World(lab, tmp_path_factory.mktemp("chaos"))
    world.build()
    yield world
    lab.reset(*world.routers)
    lab.settle()


@pytest.fixture
def world(built: World) -> World:
    """The same; what a test leaves in pieces is mended for the next one."""
    built.mended(*built.routers)
    return built
