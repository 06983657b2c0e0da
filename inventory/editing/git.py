"""What git says about edited files, and their commit; without a repository, a plain diff.

Git is run without a shell, an editor, a pager or a prompt. Nothing here changes a file's content.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from inventory.editing.errors import NotCommitted
from inventory.editing.fileedit import FileEdit, hide_secrets

_SECONDS = 120.0
_GRACE = 5.0
# Set within a git hook, they would lead every git elsewhere: git-rev-parse(1), --local-env-vars.
_OF_A_HOOK = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
)
_HALFWAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
"""What git keeps in its folder while something is under way: gitrevisions(7), git-rebase(1)."""


def diff(files: Sequence[FileEdit]) -> str:
    """What ``git diff`` shows of written files, for eyes: passwords near a change are not shown.

    A file that git does not know is shown by the edit's own diff, and so are all without git.
    """
    return "".join(_diff(file) for file in files)


def _diff(file: FileEdit) -> str:
    target = file.path.resolve()
    try:
        if _git(target.parent, "ls-files", "--error-unmatch", "--", target.name).returncode:
            return file.diff
        done = _git(
            target.parent, "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--", target.name
        )
    except NotCommitted:
        return file.diff
    shown = hide_secrets(done.stdout) if done.returncode == 0 else ""
    return shown or file.diff


def check_committable(files: Sequence[FileEdit]) -> None:
    """Refuse what could not be committed later, when the routers have been changed.

    Call it before the files are written.

    Raises:
        NotCommitted: no git, no repository, a file that git does not know or that has changes
            already, something half done there, or nobody to commit as.
    """
    for file in files:
        target = file.path.resolve()
        folder, label = target.parent, file.label
        _said(folder, f"{label} is in no git repository", "rev-parse", "--show-toplevel")
        known = f"{label} is not known to git in {folder}"
        _said(folder, known, "ls-files", "--error-unmatch", "--", target.name)
        _said(folder, "git does not know whom to commit as", "var", "GIT_COMMITTER_IDENT")
        _said(folder, "git does not know whom to commit as", "var", "GIT_AUTHOR_IDENT")
        if _said(
            folder,
            f"git cannot tell the state of {label}",
            "status",
            "--porcelain",
            "--untracked-files=no",
            "--",
            target.name,
        ):
            raise NotCommitted(
                f"{label} has changes that are not committed, and --commit would take them along",
                f"`git -C {folder} diff HEAD -- {target.name}` shows them; commit them first",
            )
        _refuse_halfway(folder)


def _refuse_halfway(folder: Path) -> None:
    told = "git cannot tell the state of the repository"
    for name, what in _HALFWAY.items():
        if (folder / _said(folder, told, "rev-parse", "--git-path", name)).exists():
            raise NotCommitted(
                f"{what} is under way in the git repository of {folder}",
                "End it first, or leave --commit out",
            )


def commit(files: Sequence[FileEdit], message: str) -> str:
    """Commit these files and nothing else; what is staged besides stays staged.

    Args:
        files: written; of one repository.
        message: the commit's.

    Returns:
        The commit, abbreviated.

    Raises:
        NotCommitted: git, or a hook, would not; with what it said. The files stay as they are.
    """
    targets = [file.path.resolve() for file in files]
    folder = targets[0].parent
    names = [os.path.relpath(target, folder) for target in targets]
    by_hand = (
        f"The file is written all the same; `git -C {folder} commit -- {' '.join(names)}` again"
    )
    _said(
        folder,
        "git did not commit",
        "commit",
        "--quiet",
        "--only",
        f"--message={message}",
        "--",
        *names,
        hint=by_hand,
    )
    return _said(folder, "git did not say what it committed", "rev-parse", "--short", "HEAD")


def _said(folder: Path, trouble: str, *arguments: str, hint: str = "") -> str:
    """What git printed.

    Raises:
        NotCommitted: it failed; with ``trouble`` and what it said.
    """
    done = _git(folder, *arguments)
    if done.returncode:
        said = hide_secrets((done.stderr or done.stdout).strip())
        raise NotCommitted(f"{trouble}: {said}" if said else trouble, hint)
    return done.stdout.strip()


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key not in _OF_A_HOOK}
    env |= {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "GIT_PAGER": "cat"}
    argv = ["git", "--literal-pathspecs", *arguments]
    try:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise NotCommitted(f"git cannot be run in {folder}: {error.strerror}") from error
    with process:
        try:
            out, err = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            # Asked to end, git takes its locks away; its hooks end with it.
            _end(process)
            raise NotCommitted(f"git did not end within {_SECONDS:g} s (a hook?)") from None
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def _end(process: subprocess.Popen[str]) -> None:
    """Ask a process and what it started to end, then make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_GRACE)
            return
