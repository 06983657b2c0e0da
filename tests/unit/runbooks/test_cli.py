from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from inventory.errors import LvsfleetError
from runbooks import cli
from runbooks.commands import lab
from runbooks.names import recall, remember
from runbooks.output import NotWritable, check_writable, publish

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("LVSFLEET_INVENTORY", raising=False)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def test_there_are_the_commands_that_are_documented() -> None:
    assert {" ".join(path) for path in commands(cli.cli)} == {
        "",
        *("rollout", "compliance", "explain", "status", "adopt", "rollback", "resume", "history"),
        *("vip", "vip add", "vip remove", "vip move", "vip list", "vip drain", "vip undrain"),
        *("inventory", "inventory check", "inventory show", "inventory schema"),
        *(
            "lab",
            "lab up",
            "lab down",
            "lab status",
            "lab exec",
            "lab reboot",
            "lab reset",
            "lab marks",
        ),
        "completion",
    }


@pytest.mark.parametrize("path", list(commands(cli.cli)), ids=" ".join)
def test_every_help_names_its_options(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*path, "--help"]) == 0
    text = capsys.readouterr().out
    command: click.Command = cli.cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert all(name in text for name in parameter.opts)
            assert parameter.help
    assert command.help
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["rollout", "--help"], ["resume", "--help"], ["completion", "bash"]]
)
def test_what_must_be_quick_imports_nothing_slow(arguments: list[str]) -> None:
    slow = ("nornir", "paramiko", "rich", "yaml", "importlib.metadata", "json", "logging")
    program = (
        f"import sys; from runbooks.cli import run; run({arguments!r}); "
        f"print([name for name in {slow!r} if name in sys.modules], file=sys.stderr)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert found.stderr == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Usage"),
        (["nosuch"], 2, "No such command"),
        (["rollout", "--nosuch"], 2, "--nosuch"),
        (["inventory", "show"], 2, "ROUTER"),
        (["inventory", "show", "ams9"], 2, "Did you mean 'ams"),
        (["vip", "drain", "web", "192.0.2.10", "--reject", "--drop"], 2, "exclude each other"),
        (["vip", "drain", "web", "192.0.2.10"], 2, "no terminal to ask on"),
        (["inventory", "schema", "x"], 2, "hosts"),
        (["completion", "csh"], 2, "bash"),
        (["lab", "up", "--lab", "30"], 2, "0<=x<=29"),
    ],
)
def test_usage(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        (["--version"], "lvsfleet "),
        (["inventory", "check"], "The inventory is fine: 6 routers, 3 clusters, "),
        (["inventory", "show", "ams1"], "router      ams1\n"),
        (["inventory", "schema"], "{\n"),
        (["inventory", "schema", "groups"], "{\n"),
    ],
)
def test_answers(arguments: list[str], beginning: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(beginning)
    assert captured.err == ""


def test_show_has_the_commands_that_one_would_type(capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["inventory", "show", "ams1"])
    said = capsys.readouterr().out
    assert "  firewall-cmd --zone=public --add-rich-rule=" in said
    assert "auto" not in said
    cli.run(["inventory", "show", "fra1"])
    said = capsys.readouterr().out
    assert "  iptables -t mangle -A " in said
    assert "  # for the next boot, add the same to /etc/iptables/rules.v4" in said
    assert "by hand, with nftables" not in said


def test_show_says_why_there_are_the_commands_of_each_backend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = "lb1: {data: {services: {web: {vips: [192.0.2.8], ports: [80/tcp], mark: 80}}}}\n"
    (tmp_path / "hosts.yaml").write_text(hosts)
    assert cli.run(["inventory", "show", "lb1", "--inventory", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "backend auto: one of these, by what lb1 runs" in said
    headings = [line for line in said.splitlines() if line.startswith("by hand, with ")]
    assert [each.split()[-1] for each in headings] == ["firewalld", "iptables", "nftables"]


def test_a_folder_without_an_inventory_is_told_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["inventory", "check", "--inventory", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"lvsfleet: there is no inventory in {tmp_path}: neither hosts.yaml")


@pytest.mark.parametrize("command", ["rollback", "resume"])
def test_a_command_about_a_run_takes_the_inventory_of_that_run(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.run([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Without it, that of RUN." in said
    assert "the example of this repository" not in said


def test_a_fault_is_said_in_one_sentence_and_its_traceback_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("a \x1b[31mbug")

    monkeypatch.setattr(cli.cli, "main", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cli.run(["rollout"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert r"ZeroDivisionError: a \x1b[31mbug" in err
    (kept,) = tmp_path.glob("lvsfleet-traceback-*.txt")
    assert str(kept) in err
    assert "Traceback" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0
    assert cli.run(["rollout", "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_labs_errors_are_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise LvsfleetError("lab 3 is not up", "`lvsfleet lab up --lab 3` starts it")

    monkeypatch.setattr("lab.fleet.Lab.reboot", fail)
    assert cli.run(["lab", "reboot", "--lab", "3", "ams1"]) == 1
    err = capsys.readouterr().err
    assert err == "lvsfleet: lab 3 is not up. `lvsfleet lab up --lab 3` starts it.\n"


def test_the_labs_limits_are_the_labs() -> None:
    from lab.topology import LAST_LAB, Kind  # noqa: PLC0415

    assert lab.LAST_LAB == LAST_LAB
    assert set(lab.KINDS) == {kind.value for kind in Kind}


def complete(*words: str) -> list[str]:
    """What bash would offer for the last word."""
    line = ("lvsfleet", *words)
    environ = {
        **os.environ,
        "_LVSFLEET_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }
    program = "from runbooks.cli import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ,
        check=True,
    )
    assert found.stderr == ""
    return [line.partition(",")[2] for line in found.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["roll"], ["rollout", "rollback"]),
        (["inventory", "sh"], ["show"]),
        (["rollout", "--dry"], ["--dry-run"]),
        (["rollout", "--format", "j"], ["json"]),
        (["rollout", "--limit", "am"], ["ams", "ams1", "ams2"]),
        (["rollout", "--limit", "fra,ams1,am"], ["fra,ams1,ams", "fra,ams1,ams2"]),
        (["rollout", "--inventory", "tests", "--limit", "a"], []),
        (["inventory", "show", "lo"], ["lon1", "lon2"]),
        (["completion", "z"], ["zsh"]),
    ],
)
def test_the_shell_completes(words: list[str], offered: list[str]) -> None:
    assert complete(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_the_shells(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["completion", shell]) == 0
    assert f"_LVSFLEET_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_names_are_remembered_until_the_files_change(tmp_path: Path) -> None:
    home = tmp_path / "inventory"
    home.mkdir()
    assert recall(home).routers == ()
    remember(home, ["netbox1"], ["netbox"])
    assert recall(home) == recall(home / "../inventory")
    assert recall(home).routers == ("netbox1",)

    hosts = home / "hosts.yaml"
    hosts.write_text("---\n# routers\nr1: {groups: [g]}\n'r 2':\n  port: 22\n\"r3\" : \n- x\n")
    os.utime(hosts, (2**32, 2**32))
    assert recall(home).routers == ("r1", "r 2", "r3")
    assert recall(home).groups == ()


def test_a_cache_that_cannot_be_used_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    remember(tmp_path, ["r1"], [])
    assert recall(tmp_path).routers == ()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file, link = tmp_path / "run.json", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    publish("new\n", link)
    assert file.read_text() == "new\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "run.json"]
    publish("x", Path(os.devnull))
    assert not Path(os.devnull).is_file()


def test_a_folder_that_is_missing_is_told_before_the_run(tmp_path: Path) -> None:
    check_writable(tmp_path / "new")
    with pytest.raises(NotWritable, match="there is no folder"):
        check_writable(tmp_path / "missing" / "new")


def test_results_that_cannot_be_written_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NotWritable, match="No space left"):
        publish("results\n", tmp_path / "out")
    assert capsys.readouterr().out == "results\n"
    assert list(tmp_path.glob("*out*")) == []
