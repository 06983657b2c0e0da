"""What is shipped for the schedule: one run at a time, an end, and alerts on metrics that exist."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbooks.reports.prometheus import render_prometheus
from tests.unit.runbooks.compliances import case_run

DEPLOY = Path(__file__).parents[3] / "deploy"
UNITS = DEPLOY / "systemd"
RULES = yaml.safe_load((DEPLOY / "prometheus/lvsfleet.rules.yaml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana/lvsfleet.json").read_text())
METRICS = set(re.findall(r"^# TYPE (\S+)", render_prometheus(case_run("mixed")), re.MULTILINE))


def scheduled(
    folder: Path, lvsfleet: str, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """One run of compliance.sh, with ``lvsfleet`` as the shell script that it starts."""
    program = folder / "fake-lvsfleet"
    program.write_text(f"#!/bin/sh\n{lvsfleet}\n")
    program.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "LVSFLEET": str(program), "HOME": str(folder)}
    return subprocess.run(
        [DEPLOY / "compliance.sh", *arguments],
        env={**environment, "STATE_DIRECTORY": str(folder), **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("code", [0, 1, 2, 3, 130])
def test_the_exit_code_is_that_of_the_check(tmp_path: Path, code: int) -> None:
    assert scheduled(tmp_path, f"exit {code}").returncode == code


def test_what_is_asked_for(tmp_path: Path) -> None:
    done = scheduled(tmp_path, 'echo "$LVSFLEET_INVENTORY" "$@"', "--only", "LVS0*")
    reports = ("html=index.html", "json=compliance.json", "prometheus=lvsfleet.prom")
    assert done.stdout.split() == [
        *("/etc/lvsfleet/inventory", "compliance", "--output", f"{tmp_path}/compliance.txt"),
        "--report",
        ",".join(each.replace("=", f"={tmp_path}/") for each in reports),
        *("--only", "LVS0*"),
    ]


def test_a_second_run_does_nothing_and_says_so(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = scheduled(tmp_path, f"touch {tmp_path}/ran")
    assert (done.returncode, (tmp_path / "ran").exists()) == (75, False)
    assert "another run is still going on" in done.stderr
    assert scheduled(tmp_path, "exit 0").returncode == 0


def test_what_a_run_leaves_behind_does_not_hold_the_lock(tmp_path: Path) -> None:
    done = scheduled(tmp_path, "sleep 5 >/dev/null 2>&1 &")
    assert done.returncode == 0
    assert scheduled(tmp_path, "exit 0").returncode == 0


def test_a_run_without_end_is_stopped_gently_first(tmp_path: Path) -> None:
    # Four seconds: it must have come to its trap by then, on a busy machine too.
    patient = f"trap 'touch {tmp_path}/asked; exit 130' TERM; while :; do sleep 0.05; done"
    done = scheduled(tmp_path, patient, LVSFLEET_COMPLIANCE_SECONDS="4")
    assert done.returncode == 124
    assert (tmp_path / "asked").exists()
    assert "stopped after 4 s" in done.stderr


def test_the_key_that_systemd_hands_over_is_the_default_key(tmp_path: Path) -> None:
    given, home = tmp_path / "given", tmp_path / "home"
    given.mkdir()
    home.mkdir()
    places = {"CREDENTIALS_DIRECTORY": str(given), "RUNTIME_DIRECTORY": str(home)}
    done = scheduled(tmp_path, "exit 0", **places)
    assert (done.returncode, "handed no key over" in done.stderr) == (2, True)
    (given / "ssh-key").write_text("a key")
    for _ in range(2):
        assert scheduled(tmp_path, "cat ~/.ssh/id_ed25519", **places).stdout == "a key"
    assert (home / ".ssh").stat().st_mode & 0o777 == 0o700


def expressions(value: Any) -> Iterator[str]:
    """Every expression in a file of rules or a dashboard."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"expr", "definition"}:
                yield inner
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


@pytest.mark.parametrize("shipped", [RULES, DASHBOARD], ids=["alerts", "dashboard"])
def test_only_metrics_that_exist_are_asked_for(shipped: object) -> None:
    asked = {name for each in expressions(shipped) for name in re.findall(r"lvsfleet_\w+", each)}
    assert asked
    assert asked <= METRICS


def labels() -> dict[str, set[str]]:
    """The labels of each metric, in a report."""
    found: dict[str, set[str]] = {}
    for line in render_prometheus(case_run("mixed")).splitlines():
        if sample := re.match(r"(lvsfleet_\w+)(?:\{(.*)\})? ", line):
            found.setdefault(sample[1], set()).update(re.findall(r'(\w+)="', sample[2] or ""))
    return found


@pytest.mark.parametrize("shipped", [RULES, DASHBOARD], ids=["alerts", "dashboard"])
def test_only_labels_that_exist_are_asked_for(shipped: object) -> None:
    have = labels()
    of_scraping = {"instance", "job"}
    for each in expressions(shipped):
        metrics = re.findall(r"(lvsfleet_\w+)(?:\{([^}]*)\})?", each)
        for metric, chosen in metrics:
            assert set(re.findall(r"(\w+) *[=!]", chosen)) <= have[metric], each
        known = of_scraping.union(*(have[metric] for metric, _ in metrics))
        for group in re.findall(r"(?:by|without) *\(([^)]*)\)", each):
            assert set(re.findall(r"\w+", group)) <= known, each


def test_alerts_name_only_labels_that_they_have() -> None:
    have = labels()
    for rule in (rule for group in RULES["groups"] for rule in group["rules"]):
        named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        (metric, *_) = re.findall(r"lvsfleet_\w+", rule["expr"])
        assert named <= have[metric], rule["alert"]


def test_every_alert_says_what_is_so_and_is_tried() -> None:
    alerts = [rule for group in RULES["groups"] for rule in group["rules"]]
    tests = yaml.safe_load((DEPLOY / "prometheus/lvsfleet.rules.test.yaml").read_text())["tests"]
    tried = {each["alertname"] for test in tests for each in test["alert_rule_test"]}
    assert {alert["alert"] for alert in alerts} == tried
    assert all(alert["annotations"]["summary"] for alert in alerts)
    assert {alert["labels"]["severity"] for alert in alerts} == {"critical", "warning"}


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    places = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24


def test_the_user_of_the_unit_is_the_one_that_is_made_and_the_end_comes_later() -> None:
    unit = (UNITS / "lvsfleet-compliance.service").read_text()
    (name,) = re.findall(r"^User=(\S+)", unit, re.MULTILINE)
    assert f"u {name} " in (UNITS / "lvsfleet-compliance.sysusers").read_text()
    assert (
        f" {name} /opt/lvsfleet/deploy/compliance.sh"
        in (DEPLOY / "cron/lvsfleet-compliance").read_text()
    )
    (minutes,) = re.findall(r"^TimeoutStartSec=(\d+)min", unit, re.MULTILINE)
    (seconds,) = re.findall(r"SECONDS:-(\d+)\}", (DEPLOY / "compliance.sh").read_text())
    assert int(minutes) * 60 > int(seconds) + 60
