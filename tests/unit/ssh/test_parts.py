"""The small pure parts: secrets, quoting, sudo's dialogue, retries, known_hosts lines."""

from __future__ import annotations

import copy
import pickle
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import retry
from tasks.connect import passwords
from tasks.connect.command import LONGEST, SEPARATOR, command_line, quote
from tasks.connect.hostkeys import algorithms, parse
from tasks.connect.passwords import MASK, Secret, Secrets, login_password, sudo_password
from tasks.connect.patterns import matches
from tasks.connect.shell import name_of
from tasks.connect.sudo import Sudo, needs_sudo, refusal
from tasks.errors import (
    AuthenticationRefused,
    DeadlineExceeded,
    HostKeyRefused,
    NeverReachable,
    PrivilegeRefused,
    RouterError,
    Unreachable,
)
from tasks.remote import PHASES, script
from tasks.retry import retrying

# secrets


def test_a_secret_prints_as_asterisks_everywhere() -> None:
    secret = Secret("hunter2")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{[secret]}"):
        assert "hunter2" not in text
        assert MASK in text
    assert repr(Secrets(login=secret)).count("hunter2") == 0
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)


def revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def test_where_passwords_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "typed", Secrets())
    monkeypatch.delenv(passwords.LOGIN_VARIABLE, raising=False)
    monkeypatch.delenv(passwords.SUDO_VARIABLE, raising=False)
    assert login_password(None) is None
    assert sudo_password() is None
    monkeypatch.setenv(passwords.LOGIN_VARIABLE, "of-environment")
    monkeypatch.setenv(passwords.SUDO_VARIABLE, "sudo-of-environment")
    assert revealed(login_password(None)) == "of-environment"
    assert revealed(sudo_password()) == "sudo-of-environment"
    assert revealed(login_password("of-inventory")) == "of-inventory"
    passwords.typed.give(login="typed", sudo="sudo-typed")
    assert revealed(login_password("of-inventory")) == "typed"
    assert revealed(sudo_password()) == "sudo-typed"
    passwords.typed.forget()
    assert revealed(sudo_password()) == "sudo-of-environment"


# command lines


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_quote_is_one_word_of_posix_sh(text: str) -> None:
    assert shlex.split(quote(text)) == [text]


def test_the_script_travels_without_newlines() -> None:
    line = command_line("a\nb\n", ("x y",), before=("sudo", "-n", "--"), mark="M").decode()
    words = shlex.split(line)
    assert words[:5] == ["sudo", "-n", "--", "sh", "-c"]
    assert words[5].startswith("echo M >&2;")
    assert words[6:] == ["lvsfleet", f"a{SEPARATOR}b{SEPARATOR}", "x y"]
    assert "\n" not in line


@pytest.mark.parametrize(
    ("script", "args"), [("a\0", ()), ("a\x1f", ()), ("a", ("\0",)), ("x" * LONGEST, ())]
)
def test_what_no_command_line_carries(script: str, args: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="script"):
        command_line(script, args)


# sudo


@pytest.mark.parametrize(
    ("user", "mode", "wanted"),
    [
        ("root", "auto", False),
        ("ops", "auto", True),
        ("root", "always", True),
        ("ops", "never", False),
    ],
)
def test_who_needs_sudo(user: str, mode: str, *, wanted: bool) -> None:
    assert needs_sudo(user, mode) is wanted


def test_the_password_is_sent_when_asked_for_and_once() -> None:
    sudo = Sudo(password=Secret("pw"), data=b"data")
    prompt = sudo.asking.encode()
    assert sudo.hear(b"lecture\n") == (b"", True)
    assert sudo.hear(b"lecture\n" + prompt) == (b"pw\n", True)
    assert sudo.hear(b"lecture\n" + prompt) == (b"", True)
    assert sudo.hear(b"lecture\n" + prompt + b"Sorry\n" + prompt) == (b"", False)


def test_the_data_follows_the_start_of_the_script_only() -> None:
    sudo = Sudo(password=Secret("pw"), data=b"data")
    assert sudo.hear(sudo.started.encode()) == (b"", True)
    assert sudo.hear(sudo.started.encode() + b"\n") == (b"data", False)


def test_stderr_before_the_start_is_not_the_script_s() -> None:
    sudo = Sudo(password=None, data=b"")
    whole = b"sudo: unable to resolve host\n" + sudo.started.encode() + b"\nown\n"
    assert sudo.strip(b"", whole, name="r1", user="ops") == b"own\n"


@pytest.mark.parametrize(
    ("said", "asked", "known", "hint"),
    [
        ("sudo: a password is required", False, False, "--ask-sudo-pass"),
        ("Sorry, try again.", True, True, "was tried once"),
        ("sudo: sorry, you must have a tty to run sudo", False, False, "!requiretty"),
        ("ops is not in the sudoers file", False, True, "NOPASSWD"),
        ("sh: 1: sudo: not found", False, False, "Install sudo"),
    ],
)
def test_what_sudo_says_and_the_way_out(said: str, hint: str, *, asked: bool, known: bool) -> None:
    error = refusal(said.encode(), name="r1", user="ops", asked=asked, password=known)
    assert error.message == f"r1: ops may not become root: {said.rstrip('.')}"
    assert hint in error.hint


# retries


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.001)


class Failing:
    """Fails with the errors in turn, then answers; counts."""

    def __init__(self, *errors: RouterError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_an_answer_after_three_failures() -> None:
    action = Failing(*[Unreachable("no")] * 3)
    assert retrying(action, name="r1") == "answer"
    assert action.calls == 4


def test_four_failures_are_enough() -> None:
    action = Failing(*[Unreachable(f"no {number}") for number in range(9)])
    with pytest.raises(Unreachable, match="no 3"):
        retrying(action, name="r1")
    assert action.calls == 4


@pytest.mark.parametrize(
    "kind",
    [AuthenticationRefused, HostKeyRefused, PrivilegeRefused, DeadlineExceeded, NeverReachable],
)
def test_what_is_never_tried_again(kind: type[RouterError]) -> None:
    for action in (Failing(kind("no")), Failing(Unreachable("first"), kind("then"))):
        with pytest.raises(kind):
            retrying(action, name="r1")
        assert action.calls in {1, 2}
        assert not action.errors


def test_no_attempt_begins_too_late() -> None:
    action = Failing(*[Unreachable("no")] * 3)
    with pytest.raises(Unreachable):
        retrying(action, name="r1", within=0)
    assert action.calls == 1


def test_a_cancelled_run_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 60)
    monkeypatch.setattr(retry, "LONGEST_WAIT", 60)
    monkeypatch.setattr(retry.cancelled, "is_set", lambda: True)
    action = Failing(*[Unreachable("no")] * 3)
    with pytest.raises(Unreachable):
        retrying(action, name="r1")
    assert action.calls == 1


def test_each_attempt_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "lvsfleet.ssh")
    retrying(Failing(Unreachable("it is gone")), name="r1")
    assert "r1: it is gone; attempt 2 of 4 in 0.0 s" in caplog.text


# known_hosts


def test_lines_that_are_none_are_passed_over() -> None:
    text = (
        "\n# c\nr1\nr1 ssh-ed25519\nr1 ssh-ed25519 !!!\n@other r1 ssh-rsa AAAA\nr1,R2 ssh-rsa AAAA"
    )
    known = parse(text, "kh")
    assert [entry.where for entry in known.about("r1")] == ["kh:7"]
    assert [entry.where for entry in known.about("r2")] == ["kh:7"]


def test_known_kinds_are_asked_for_first() -> None:
    entries = tuple(parse("r ssh-rsa AAAA\n@revoked r ssh-ed25519 AAAA", "kh").about("r"))
    supported = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")
    assert algorithms(entries, supported) == (
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
    )


@pytest.mark.parametrize(
    ("patterns", "name", "hit"),
    [
        ("a*", "ABC", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("*,!b*", "bc", False),
        ("!b", "a", False),
        ("[a]", "[a]", True),
    ],
)
def test_patterns(patterns: str, name: str, *, hit: bool) -> None:
    assert matches(patterns.split(","), name) is hit


@pytest.mark.parametrize("phase", PHASES)
def test_a_script_is_called_by_what_it_does(phase: str) -> None:
    assert name_of(script(phase)) == phase


def test_a_script_that_does_not_say_what_it_does_has_a_digest() -> None:
    assert len(name_of("#!/bin/sh\necho\n")) == len("01234567")
