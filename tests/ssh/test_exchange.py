"""One script and its data, over a real sshd: nothing lost, nothing altered, always an end."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tasks.errors import DeadlineExceeded, NotReady, Unreachable

from .conftest import PATIENCE, Open, Server, Start

MEGABYTE = 1 << 20


@pytest.fixture
def shell(sshd: Server, open_shell: Open) -> Any:
    return open_shell(sshd)


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_status_is_that_of_the_script(shell: Any, status: int) -> None:
    assert shell.run(f"exit {status}", deadline=PATIENCE).status == status


def test_a_script_killed_by_a_signal_has_the_status_a_shell_gives_it(shell: Any) -> None:
    assert shell.run("kill -9 $$", deadline=PATIENCE).status == 137


def test_streams_are_apart(shell: Any) -> None:
    done = shell.run("echo out; echo err >&2", deadline=PATIENCE)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a'b\"c",
        "\\n\\\\",
        "!x!",
        "$HOME `id` $(id)",
        "é\u2028",
        "-n",
        "*",
        "x\ny\n",
        "\t",
    ],
)
def test_arguments_arrive_as_they_are(shell: Any, text: str) -> None:
    done = shell.run("printf '%s|' \"$@\"", text, "end", deadline=PATIENCE)
    assert done.stdout == f"{text}|end|"


def test_script_has_all_its_lines_and_backslashes(shell: Any) -> None:
    script = "set -eu\ncat <<'EOF'\n  a\\b 'q' !h\n\n$x\nEOF\nIFS=:; set -- a:b; echo \"$0 $#\""
    assert shell.run(script, deadline=PATIENCE).stdout == "  a\\b 'q' !h\n\n$x\nlvsfleet 1\n"


def test_every_byte_goes_there_and_back(shell: Any) -> None:
    text = bytes(range(256)).decode("utf-8", "surrogateescape")
    assert shell.run("cat", stdin=text, deadline=PATIENCE).stdout == text


def test_five_megabytes_on_both_streams_and_in(shell: Any) -> None:
    script = "tee /dev/stderr | wc -c >/dev/null; head -c 5242880 /dev/zero"
    done = shell.run(script, stdin="x" * 5 * MEGABYTE, deadline=PATIENCE)
    assert (len(done.stdout), len(done.stderr)) == (5 * MEGABYTE, 5 * MEGABYTE)


def test_data_that_the_script_does_not_read_does_no_harm(shell: Any) -> None:
    assert shell.run("exit 4", stdin="x" * 5 * MEGABYTE, deadline=PATIENCE).status == 4


@pytest.mark.parametrize(
    "script",
    ["sleep 90", "while :; do echo x; sleep 0.1; done", "exec >/dev/null 2>&1; sleep 90"],
)
def test_deadline_holds_however_the_time_is_spent(shell: Any, script: str) -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        shell.run(script, deadline=0.6)
    assert time.monotonic() - begun < PATIENCE
    assert shell.run("echo again", deadline=PATIENCE).stdout == "again\n"


def test_deadline_holds_when_the_script_reads_nothing(shell: Any) -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        shell.run("sleep 90", stdin="x" * 5 * MEGABYTE, deadline=0.6)
    assert time.monotonic() - begun < PATIENCE


def test_a_connection_that_breaks_is_unreachable_and_known_to_be_dead(shell: Any) -> None:
    with pytest.raises(Unreachable):
        shell.run('kill -9 "$(ps -o ppid= -p "$PPID" | tr -d " ")" "$PPID"', deadline=PATIENCE)
    assert not shell.alive
    with pytest.raises(Unreachable):
        shell.run("true", deadline=PATIENCE)


@pytest.mark.parametrize(
    ("forced", "said"),
    [
        ("internal-sftp", "This service allows sftp connections only"),
        ("echo This account is closed", "This account is closed"),
        ("true", "status 0"),
    ],
)
def test_a_server_that_runs_something_else_is_told_apart(
    start_sshd: Start, open_shell: Open, forced: str, said: str
) -> None:
    shell = open_shell(start_sshd(f"ForceCommand {forced}"))
    with pytest.raises(NotReady, match=f"did not run the script: {said}"):
        shell.run("true", deadline=PATIENCE)


def test_what_the_login_shell_prints_on_stderr_is_not_the_script_s(
    start_sshd: Start, open_shell: Open
) -> None:
    forced = 'ForceCommand echo welcome >&2; echo hello; eval "$SSH_ORIGINAL_COMMAND"'
    done = open_shell(start_sshd(forced)).run("echo err >&2; exit 3", deadline=PATIENCE)
    assert (done.status, done.stderr) == (3, "err\n")


def test_closing_twice_is_fine(shell: Any) -> None:
    shell.close()
    shell.close()
    assert not shell.alive
