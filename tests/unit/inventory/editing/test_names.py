"""The names that a shell completes for ``lvsfleet vip``."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from inventory.editing.names import said_vips
from runbooks.commands.completing import complete_service, complete_vip

FILES = {
    "hosts.yaml": """
lon1: {data: {services: {ftp: {vips: [192.0.2.11], ports: [21/tcp], mark: 21}, web: null}}}
lon2:
""",
    "groups.yaml": """
ams: {data: {services: {web: {vips: [203.0.113.10, "2001:DB8::10"], ports: [80/tcp], mark: 80}}}}
fra: {data: {services: {web: {vips: [198.51.100.10]}, odd: 7}, x-more: []}}
""",
    "defaults.yaml": "data: {services: {smtp: {vips: [192.0.2.25]}}}",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def context(home: Path, **given: str) -> click.Context:
    made = click.Context(click.Command("add"))
    made.params.update(given, inventory=str(home))
    return made


ARGUMENT = click.Argument(["any"])


def test_all_that_the_files_say(home: Path) -> None:
    assert said_vips(home) == {
        "ftp": {"192.0.2.11": "host lon1"},
        "web": {
            "203.0.113.10": "group ams",
            "2001:DB8::10": "group ams",
            "198.51.100.10": "group fra",
        },
        "odd": {},
        "smtp": {"192.0.2.25": "defaults"},
    }


def test_services(home: Path) -> None:
    offered = complete_service(context(home), ARGUMENT, "")
    assert [(item.value, item.help) for item in offered] == [
        ("ftp", "192.0.2.11"),
        ("odd", ""),
        ("smtp", "192.0.2.25"),
        ("web", "203.0.113.10, 2001:DB8::10, 198.51.100.10"),
    ]
    assert [item.value for item in complete_service(context(home), ARGUMENT, "f")] == ["ftp"]


@pytest.mark.parametrize(
    ("service", "begun", "offered"),
    [
        ("web", "", ["203.0.113.10", "2001:DB8::10", "198.51.100.10"]),
        ("web", "20", ["203.0.113.10", "2001:DB8::10"]),
        ("web", "2001:db8", ["2001:DB8::10"]),
        ("odd", "", []),
        ("none", "", []),
    ],
)
def test_vips(home: Path, service: str, begun: str, offered: list[str]) -> None:
    came = complete_vip(context(home, service=service), ARGUMENT, begun)
    assert [item.value for item in came] == offered
    assert complete_vip(context(home), ARGUMENT, begun) == []


@pytest.mark.parametrize(
    "files",
    [
        {"groups.yaml": "[", "hosts.yaml": "", "defaults.yaml": "- 1"},
        {"config.yaml": "inventory: {plugin: NetBoxInventory2}"},
        {"config.yaml": "["},
    ],
)
def test_what_is_wrong_offers_nothing(home: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (home / name).write_text(text)
    assert complete_service(context(home), ARGUMENT, "") == []
    assert complete_service(context(home / "nowhere"), ARGUMENT, "") == []
