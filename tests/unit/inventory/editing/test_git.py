"""What git is asked, in repositories of its own: the diff, and a commit of one file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from inventory.editing import git
from inventory.editing.errors import NotCommitted
from inventory.editing.fileedit import FileEdit
from inventory.editing.git import check_committable, commit, diff
from inventory.editing.writing import write

OLD, NEW = b"a: 1\nb: 2\n", b"a: 9\nb: 2\n"
MESSAGE = "vip move web 203.0.113.10 → 203.0.113.20"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of this machine, and no repository above."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.delenv("EMAIL", raising=False)


def ask(folder: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(folder), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "site").mkdir(parents=True)
    ask(folder, "init", "--quiet")
    ask(folder, "config", "user.name", "Ops")
    ask(folder, "config", "user.email", "ops@example.com")
    (folder / "site" / "groups.yaml").write_bytes(OLD)
    (folder / "other").write_text("1\n")
    ask(folder, "add", ".")
    ask(folder, "commit", "--quiet", "--message=first")
    return folder


@pytest.fixture
def edit(repository: Path) -> FileEdit:
    return FileEdit(repository / "site" / "groups.yaml", "groups.yaml", OLD, NEW)


def test_only_this_file_is_committed(edit: FileEdit, repository: Path) -> None:
    (repository / "other").write_text("2\n")
    ask(repository, "add", "other")
    (repository / "site" / "new").write_text("3\n")
    check_committable([edit])
    write([edit])
    told = diff([edit])
    assert "+++ b/site/groups.yaml" in told
    assert "-a: 1\n+a: 9\n" in told
    made = commit([edit], MESSAGE)
    assert len(made) >= 7
    assert ask(repository, "rev-parse", "HEAD").startswith(made)
    assert ask(repository, "show", "--format=%s", "--name-only").split("\n\n") == [
        MESSAGE,
        "site/groups.yaml\n",
    ]
    assert ask(repository, "status", "--porcelain") == "M  other\n?? site/new\n"
    assert ask(repository, "show", "HEAD:site/groups.yaml").encode() == NEW


def test_within_a_hook_of_another_repository(
    edit: FileEdit, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(tmp_path, "init", "--quiet", "another")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "another" / ".git" / "index"))
    check_committable([edit])
    write([edit])
    commit([edit], MESSAGE)
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert ask(repository, "log", "-1", "--format=%s").strip() == MESSAGE


def test_a_link_into_a_repository(edit: FileEdit, repository: Path, tmp_path: Path) -> None:
    link = tmp_path / "groups.yaml"
    link.symlink_to(edit.path)
    through = FileEdit(link, "groups.yaml", OLD, NEW)
    check_committable([through])
    write([through])
    assert "-a: 1\n+a: 9\n" in diff([through])
    commit([through], MESSAGE)
    assert ask(repository, "status", "--porcelain") == ""


def test_a_name_that_git_could_take_for_a_pattern_or_an_option(repository: Path) -> None:
    folder = repository / "-x*"
    folder.mkdir()
    file = folder / "--all"
    file.write_bytes(OLD)
    (folder / "more").write_text("1\n")
    ask(repository, "add", ".")
    ask(repository, "commit", "--quiet", "--message=second")
    (folder / "more").write_text("2\n")
    edit = FileEdit(file, "--all", OLD, NEW)
    check_committable([edit])
    write([edit])
    commit([edit], MESSAGE)
    assert ask(repository, "status", "--porcelain").strip() == 'M "-x*/more"'.replace('"', "")


def test_without_a_repository(tmp_path: Path) -> None:
    file = tmp_path / "groups.yaml"
    file.write_bytes(OLD)
    edit = FileEdit(file, "groups.yaml", OLD, NEW)
    with pytest.raises(NotCommitted, match=r"groups\.yaml is in no git repository"):
        check_committable([edit])
    write([edit])
    assert diff([edit]) == edit.diff != ""
    with pytest.raises(NotCommitted, match="git did not commit"):
        commit([edit], MESSAGE)
    assert file.read_bytes() == NEW


def test_without_git(edit: FileEdit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotCommitted, match=r"git cannot be run in .*: No such file"):
        check_committable([edit])
    assert diff([edit]) == edit.diff


def test_a_file_that_git_does_not_know(repository: Path) -> None:
    file = repository / "site" / "hosts.yaml"
    file.write_bytes(NEW)
    edit = FileEdit(file, "hosts.yaml", OLD, NEW)
    with pytest.raises(NotCommitted, match=r"hosts\.yaml is not known to git"):
        check_committable([edit])
    assert diff([edit]) == edit.diff


@pytest.mark.parametrize("staged", [True, False])
def test_a_file_with_changes_already(edit: FileEdit, repository: Path, staged: bool) -> None:
    edit.path.write_bytes(OLD + b"c: 3\n")
    if staged:
        ask(repository, "add", ".")
    with pytest.raises(NotCommitted, match="has changes that are not committed"):
        check_committable([edit])


def test_nobody_to_commit_as(edit: FileEdit, repository: Path) -> None:
    ask(repository, "config", "--remove-section", "user")
    ask(repository, "config", "user.useConfigOnly", "true")
    with pytest.raises(NotCommitted, match="git does not know whom to commit as: "):
        check_committable([edit])


def test_a_merge_under_way(edit: FileEdit, repository: Path) -> None:
    ask(repository, "checkout", "--quiet", "-b", "side")
    (repository / "other").write_text("2\n")
    ask(repository, "commit", "--quiet", "--all", "--message=side")
    ask(repository, "checkout", "--quiet", "-")
    ask(repository, "merge", "--quiet", "--no-commit", "--no-ff", "side")
    with pytest.raises(NotCommitted, match="a merge is under way"):
        check_committable([edit])


def hook(repository: Path, text: str) -> None:
    file = repository / ".git" / "hooks" / "pre-commit"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_a_hook_that_refuses(edit: FileEdit, repository: Path) -> None:
    hook(repository, "echo 'no tabs, please; password: hunter2' >&2; exit 1")
    check_committable([edit])
    write([edit])
    with pytest.raises(NotCommitted, match="git did not commit: no tabs, please") as caught:
        commit([edit], MESSAGE)
    assert "hunter2" not in str(caught.value)
    assert f"git -C {edit.path.parent} commit -- groups.yaml" in caught.value.hint
    assert edit.path.read_bytes() == NEW
    assert ask(repository, "log", "--format=%s") == "first\n"


def test_a_hook_that_does_not_end(
    edit: FileEdit, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(repository, "trap '' TERM; sleep 300 & wait; sleep 300")
    monkeypatch.setattr(git, "_SECONDS", 1.0)
    monkeypatch.setattr(git, "_GRACE", 3.0)  # git takes its lock away within it
    write([edit])
    with pytest.raises(NotCommitted, match="git did not end within 1 s"):
        commit([edit], MESSAGE)
    assert edit.path.read_bytes() == NEW
    assert not (repository / ".git" / "index.lock").exists()


def test_no_password_is_in_the_diff(repository: Path) -> None:
    file = repository / "site" / "groups.yaml"
    file.write_bytes(b"password: hunter2\n" + NEW)
    told = diff([FileEdit(file, "groups.yaml", OLD, NEW)])
    assert "+password: …" in told
    assert "hunter2" not in told
