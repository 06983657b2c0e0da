"""A Chromium for the tests of the page, and pages of fleets of any size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbooks.reports.check import CheckRun
from runbooks.reports.html import render_html
from tests.page.chromium import Page, browser


@pytest.fixture(scope="session")
def chromium() -> Iterator[Page]:
    """One tab for all tests."""
    try:
        with browser() as page:
            yield page
    except FileNotFoundError as error:
        pytest.fail(f"tests/page {error}", pytrace=False)


@pytest.fixture
def page(chromium: Page) -> Iterator[Page]:
    """A tab as new, in a window of ordinary size; after the test nothing may have complained."""
    chromium.forget()
    chromium.style()
    chromium.size(1400, 950)
    yield chromium
    assert chromium.complaints == []
    assert {each.split(":")[0] for each in chromium.requests} <= {"file", "about"}


@pytest.fixture(scope="session")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[CheckRun], Path]:
    """Writes a run's page and says where."""
    folder = tmp_path_factory.mktemp("page")

    def write(run: CheckRun) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}.html"
        path.write_text(render_html(run), encoding="utf-8")
        return path

    return write
