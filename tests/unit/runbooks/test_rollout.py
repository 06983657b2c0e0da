"""The whole program, with made-up routers: what it prints, what it returns, how it stops."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("program.py")
ROOT = PROGRAM.parents[3]
PATIENCE = 120.0  # seconds; the start of a program may take some of them on a busy machine
ROUTERS = ["ams1", "ams2", "fra1", "fra2", "lon1", "lon2"]


class Running:
    """A program that was started; its stderr goes to a file, so that it can be read meanwhile."""

    def __init__(self, process: subprocess.Popen[str], stderr: Path) -> None:
        self.process = process
        self.stderr = stderr

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while text not in self.stderr.read_text():
            assert time.monotonic() < end, f"{text!r} never came"
            time.sleep(0.02)

    def end(self) -> tuple[int, str, str]:
        out, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, self.stderr.read_text()


class Lvsfleet:
    """Starts the program in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **script: dict[str, Any]) -> Running:
        environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("LVSFLEET")},
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "TMPDIR": str(self.folder),
            "SCRIPT": json.dumps(script),
        }
        stderr = self.folder / f"stderr{len(self.started)}"
        with stderr.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, PROGRAM, *arguments],
                cwd=self.folder,
                env=environ,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        self.started.append(process)
        return Running(process, stderr)

    def run(self, *arguments: str, **script: dict[str, Any]) -> tuple[int, str, str]:
        return self.start(*arguments, **script).end()


@pytest.fixture
def lvsfleet(tmp_path: Path) -> Iterator[Lvsfleet]:
    program = Lvsfleet(tmp_path)
    yield program
    for process in program.started:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_a_fleet_as_wanted(lvsfleet: Lvsfleet) -> None:
    code, out, err = lvsfleet.run("rollout")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:7]] == ROUTERS
    assert re.search(r"^6 routers: 6 unchanged in [\d.]+ s$", out, re.MULTILINE)
    assert sorted(line.split(":")[0] for line in err.splitlines()) == ROUTERS
    assert not (lvsfleet.folder / "nornir.log").exists()


def test_a_dry_run_shows_the_diff_once_and_exits_3(lvsfleet: Lvsfleet) -> None:
    code, out, _ = lvsfleet.run("rollout", "--dry-run")
    assert code == 3
    assert out.count("+ rule family") == 1
    assert "@@ zone public, runtime and saved @@" in out
    assert out.endswith("Dry run: nothing was changed. Without --dry-run these changes are made.\n")


def test_json_is_as_documented(lvsfleet: Lvsfleet) -> None:
    code, out, _ = lvsfleet.run(
        "rollout",
        *("--limit", "ams", "--format", "json", "--on-failure", "continue"),
        ams1={"status": "changed", "finding": True},
        ams2={"status": "failed", "error": "unreachable"},
    )
    assert code == 1
    report = json.loads(out)
    assert list(report) == ["schema", "run", "started", "seconds", "summary", "routers"]
    assert report["schema"] == "lvsfleet.rollout/1"
    assert re.fullmatch(r"\d{8}T\d{6}Z-ams-[0-9a-f]{4}", report["run"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["started"])
    assert report["summary"] == {"changed": 1, "failed": 1}
    ams1, ams2 = report["routers"]["ams1"], report["routers"]["ams2"]
    assert list(ams1) == ["status", "changes", "findings", "error", "seconds"]
    assert [list(change) for change in ams1["changes"]] == [["op", "where", "rule", "service"]] * 2
    assert {change["where"] for change in ams1["changes"]} == {"runtime", "saved"}
    assert ams1["findings"][0]["severity"] == "warning"
    assert ams1["error"] is None
    assert ams2["error"]["kind"] == "unreachable"
    assert "\x1b" not in out


def test_one_bug_is_one_routers_failure(lvsfleet: Lvsfleet) -> None:
    code, out, err = lvsfleet.run(
        "rollout", ams2={"raise": "bug \x1b[31m"}, lon1={"raise": "late", "after": "begin"}
    )
    assert code == 1
    assert "6 routers: 4 unchanged, 1 failed, 1 unknown in" in out
    assert "ams2: a fault of lvsfleet itself: ValueError" in out
    assert "Traceback" not in out + err
    assert "\x1b" not in out + err


def test_verbose_shows_phases_commands_and_tracebacks_on_stderr(lvsfleet: Lvsfleet) -> None:
    _, out, err = lvsfleet.run("rollout", "--dry-run", "-v", "--limit", "ams", ams2={"raise": "x"})
    assert "ams1: observe" in err
    assert "ams1: would send: firewall-cmd --add-rich-rule=…" in err
    assert "ams2: traceback\nTraceback (most recent call last):" in err
    assert "Traceback" not in out


def test_locks_alone_exit_4(lvsfleet: Lvsfleet) -> None:
    locked = {"status": "failed", "error": "locked"}
    code, out, _ = lvsfleet.run("rollout", "--now", ams1=locked, ams2=locked)
    assert code == 4
    assert "ams1, ams2: another run holds it." in out
    code, out, _ = lvsfleet.run("rollout", ams1=locked, ams2=locked)
    assert code == 4
    assert "ams2: another run holds it." in out
    assert "1 failed, 1 skipped" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop_it_finishes_what_was_begun(lvsfleet: Lvsfleet, number: int) -> None:
    may_end = lvsfleet.folder / "may-end"
    running = lvsfleet.start("rollout", "-v", "--workers", "1", ams1={"until": str(may_end)})
    running.wait_for("ams1: observe")
    running.process.send_signal(number)
    running.wait_for("Stopping")
    may_end.touch()
    code, out, err = running.end()
    assert code == 130
    assert "Stopping: no further router begins; waiting for 1 router (ams1)" in err
    assert "6 routers: 1 unchanged, 5 skipped in" in out
    assert "Interrupted: the same command goes on" in out


def test_asked_twice_it_waits_no_longer(lvsfleet: Lvsfleet) -> None:
    running = lvsfleet.start("rollout", "-v", "--workers", "1", ams1={"until": "/no/such"})
    running.wait_for("ams1: observe")
    running.process.send_signal(signal.SIGINT)
    running.wait_for("Stopping")
    running.process.send_signal(signal.SIGINT)
    code, out, err = running.end()
    assert code == 130
    assert "Not waiting any longer for ams1." in err
    assert re.search(r"taken back by the router itself by \d\d:\d\d:\d\d,", err)
    assert "6 routers: 1 unknown, 5 skipped in" in out
    assert "ams1: the run was ended while it was being worked on" in out
    assert "Traceback" not in err


def test_a_reader_that_goes_is_no_trouble(lvsfleet: Lvsfleet) -> None:
    running = lvsfleet.start("rollout", "--dry-run")
    assert running.process.stdout is not None
    running.process.stdout.close()
    assert running.process.wait(timeout=PATIENCE) == 3
    err = running.stderr.read_text()
    assert "Broken" not in err
    assert "Traceback" not in err


def test_results_go_into_a_file(lvsfleet: Lvsfleet) -> None:
    file = lvsfleet.folder / "run.json"
    code, out, err = lvsfleet.run("rollout", "--format", "json", "--output", str(file))
    assert (code, out) == (0, "")
    assert len(json.loads(file.read_text())["routers"]) == 6
    assert "6 routers: 6 unchanged in" in err
    assert [each.name for each in lvsfleet.folder.glob("*run.json*")] == ["run.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "amz1"], "Did you mean"),
        (["--filter", "cluster=par"], "matches no router"),
        (["--workers", "0"], "--workers"),
        (["--inventory", "nowhere"], "nowhere"),
        (["--output", "nowhere/x"], "there is no folder"),
        (["--format", "xml"], "xml"),
        (["--dry"], "--dry-run"),
    ],
)
def test_usage_exits_2_and_nothing_is_contacted(
    lvsfleet: Lvsfleet, arguments: list[str], message: str
) -> None:
    code, out, err = lvsfleet.run("rollout", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "unchanged" not in err
    assert "Traceback" not in err


def test_a_bad_inventory_exits_2_with_all_its_problems(lvsfleet: Lvsfleet) -> None:
    (lvsfleet.folder / "hosts.yaml").write_text("r1: {port: x}\nr2: {data: {zone: 7}}\n")
    code, out, err = lvsfleet.run("rollout", "--inventory", str(lvsfleet.folder))
    assert (code, out) == (2, "")
    assert "hosts.yaml:1" in err
    assert "hosts.yaml:2" in err
    assert "no router was contacted" in err


def test_the_order_is_shown_before_and_told_meanwhile(lvsfleet: Lvsfleet) -> None:
    _, out, _ = lvsfleet.run("rollout", "--dry-run")
    assert "  1  ams2, the canary\n  2  fra2, lon2\n  3  ams1, fra1, lon1\n" in out
    changed = {name: {"status": "changed"} for name in ROUTERS}
    code, out, err = lvsfleet.run("rollout", **changed)
    assert code == 0
    assert "Wave 1 of 3, the canary: ams2\n" in err
    assert "Wave 3 of 3: ams1, fra1, lon1\n" in err
    (journal,) = (lvsfleet.folder / "state" / "lvsfleet" / "runs").iterdir()
    assert out.endswith(
        f"`lvsfleet rollback {journal.name}` takes it back.\nRecorded in {journal}\n"
    )


def test_a_run_that_stopped_says_why_and_how_to_go_on(lvsfleet: Lvsfleet) -> None:
    changed: dict[str, dict[str, Any]] = {name: {"status": "changed"} for name in ROUTERS}
    changed["lon2"] = {"status": "reverted"}
    code, out, _ = lvsfleet.run("rollout", **changed)
    assert code == 1
    assert "\nStopped: lon2 failed.\n`lvsfleet resume " in out
    assert "6 routers: 2 changed, 1 reverted, 3 skipped" in out


@pytest.mark.parametrize("report", ["table", "json"])
def test_a_journal_that_could_not_be_written_is_said_loudly(
    lvsfleet: Lvsfleet, report: str
) -> None:
    code, out, err = lvsfleet.run(
        "rollout", "--format", report, ams1={"status": "changed", "full": True}
    )
    assert code == 0  # the routers are as wanted
    said = out if report == "table" else err
    assert "NOT RECORDED: the journal could not be written (No space left on device)." in said
    if report == "json":
        assert "NOT RECORDED" not in out


def test_a_full_disk_after_the_run_is_no_usage_error(lvsfleet: Lvsfleet) -> None:
    code, _, err = lvsfleet.run("rollout", "--output", "/dev/full")
    assert code == 1
    assert "No space left on device" in err
    assert "Traceback" not in err
