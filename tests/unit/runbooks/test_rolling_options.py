"""``--batch``, ``--max-failures`` and the others: what they say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from runbooks import cli
from runbooks.commands.rolling import policy_of, rolling_options
from runbooks.policy import OnFailure, Policy
from runbooks.waves import Share


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No run of anybody's, and no inventory either."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("LVSFLEET_INVENTORY", str(tmp_path))


def policy(*arguments: str) -> Policy:
    """What the options come to."""
    found: list[Policy] = []

    @click.command()
    @rolling_options
    def command(**options: Any) -> None:
        found.append(policy_of(options, dry_run=False))
        assert set(options) == {"confirm_timeout", "break_lock"}

    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return found[0]


def test_without_options() -> None:
    assert policy() == Policy()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--batch", "5"], Policy(batch=Share(5))),
        (["--batch", "10%"], Policy(batch=Share(10, percent=True))),
        (["--max-failures", "0"], Policy()),
        (["--max-failures", "25%"], Policy(max_failures=Share(25, percent=True))),
        (["--pause", "1.5"], Policy(pause=1.5)),
        (["--settle", "0"], Policy(settle=0.0)),
        (["--on-failure", "rollback"], Policy(on_failure=OnFailure.ROLLBACK)),
        (["--now"], Policy(now=True)),
    ],
)
def test_what_options_say(arguments: list[str], expected: Policy) -> None:
    assert policy(*arguments) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--batch", text] for text in ("0", "0%", "101%", "-1", "x", "", "5 %", "1.5", "1e2")),
        *(["--max-failures", text] for text in ("-1", "101%", "some", "٣")),
        *(["--pause", text] for text in ("-1", "x", "nan")),
        *(["--settle", "601"], ["--settle", "-1"]),
        ["--on-failure", "panic"],
        *(["--confirm-timeout", "4"], ["--confirm-timeout", "3601"]),
        ["--now", "yes"],
    ],
)
@pytest.mark.parametrize("command", ["rollout", "rollback", "resume"])
def test_what_is_refused(
    command: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["nosuch"] if command != "rollout" else []
    assert cli.run([command, *run, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert arguments[0] in captured.err or "unexpected extra argument" in captured.err
