"""One change of one router: begin, commit, or revert; each is one exec on the router.

``begin`` locks, compares, snapshots, arms the revert and applies to the runtime; ``commit`` wins
the claim against the armed revert, saves and reads back. What a step says is never taken for done:
the caller observes again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from inventory.desired import Desired
from tasks.backends.protocol import Change
from tasks.errors import ApplyFailed, ChangedMeanwhile, Locked, NotReady, RouterError
from tasks.observe import Observed, of_sections
from tasks.parts import names
from tasks.remote import script
from tasks.sections import Section, failure, files, new_nonce, split
from tasks.shell import Completed, Shell

_KINDS: Mapping[str, tuple[type[RouterError], str]] = {
    "preflight": (NotReady, "Mend that on the router and run again"),
    "changed-meanwhile": (ChangedMeanwhile, "Run again: it looks anew"),
    "lost": (ApplyFailed, "Run again: it looks anew"),
    "busy": (ApplyFailed, "Run again: it looks anew"),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the router was before a change.

    Attributes:
        files: by name (``%`` for ``/``, or ``…-save``) their texts.
        tests: as `advance` returns it.
    """

    files: Mapping[str, str]
    tests: dict[str, str]


def begin(
    shell: Shell,
    change: Change,
    *,
    run: str,
    who: str,
    confirm_timeout: float,
    break_lock: bool,
    deadline: float,
) -> Snapshot:
    """Lock, compare, snapshot, arm, apply.

    Args:
        shell: a root shell on the router.
        change: what to do.
        run: the run's name; letters, digits and dashes.
        who: who runs it, for whoever meets the lock; one word.
        confirm_timeout: seconds until the router takes the change back on its own.
        break_lock: take the lock of a run that has nothing to do on the router any more.
        deadline: seconds for this step.

    Raises:
        Locked: another run holds the router; nothing was changed.
        ChangedMeanwhile: the rules are not those that were observed; nothing was changed.
        NotReady: the preflight failed; nothing was changed.
        ApplyFailed: the router refused the change; it is to be reverted.
        RouterError: the connection broke; nobody knows.
    """
    nonce = new_nonce()
    scripts = {f"{phase}.sh": script(phase) for phase in ("revert", "watch", "recover")}
    breaking = "yes" if break_lock else "no"
    arguments = (run, f"{confirm_timeout:g}", who, breaking, " ".join(names(change)))
    completed = shell.run(
        script("begin"),
        nonce,
        *arguments,
        stdin=files(nonce, {**change.files, **scripts}),
        deadline=deadline,
    )
    sections = split(completed.stdout, nonce)
    _raise_failure(sections)
    _expect(sections, "apply", completed)
    prefix = "snapshot:"
    texts = {
        name.removeprefix(prefix): section.text
        for name, section in sections.items()
        if name.startswith(prefix)
    }
    return Snapshot(texts, tests_of(sections))


def advance(shell: Shell, change: Change, *, run: str, deadline: float) -> dict[str, str]:
    """Make one more part, or several, of a run that has begun; its revert takes them back, too.

    Args:
        shell: a root shell on the router.
        change: what to do, in parts with numbers of their own.
        run: the run's name.
        deadline: seconds for this step.

    Returns:
        Where it writes keepalived's files, what keepalived says of them: ``before`` and ``after``.

    Raises:
        ChangedMeanwhile: the rules or files are not those that the change was planned for.
        NotReady: the router does not take it.
        ApplyFailed: it could not be made, or the revert came first.
        RouterError: the connection broke; nobody knows.
    """
    nonce = new_nonce()
    arguments = (run, " ".join(names(change)))
    completed = shell.run(
        script("advance"), nonce, *arguments, stdin=files(nonce, change.files), deadline=deadline
    )
    sections = split(completed.stdout, nonce)
    _raise_failure(sections)
    _expect(sections, "apply", completed)
    return tests_of(sections)


def tests_of(sections: Mapping[str, Section]) -> dict[str, str]:
    """What keepalived said of its files ``before`` and ``after`` a change of them."""
    told = {each: sections.get(f"test-{each}") for each in ("before", "after")}
    return {name: section.text for name, section in told.items() if section}


def reread(shell: Shell, part: str, *, run: str, alone: float, deadline: float) -> None:
    """Have keepalived read the files that a part of the run wrote.

    Args:
        shell: a root shell on the router.
        part: which.
        run: the run's name.
        alone: seconds after which the router takes the run back unless `follow` was told.
        deadline: seconds for this step.

    Raises:
        ApplyFailed: it could not be told, or the revert came first.
        RouterError: the connection broke; nobody knows.
    """
    _told(shell, "reread", run, part, f"{alone:.2f}", deadline=deadline)


def follow(shell: Shell, part: str, *, run: str, deadline: float) -> None:
    """Tell the router that the others of its cluster have read theirs, too.

    Raises:
        ApplyFailed: it came too late.
        RouterError: the connection broke; nobody knows.
    """
    _told(shell, "follow", run, part, deadline=deadline)


def _told(shell: Shell, phase: str, *arguments: str, deadline: float) -> None:
    nonce = new_nonce()
    completed = shell.run(script(phase), nonce, *arguments, deadline=deadline)
    sections = split(completed.stdout, nonce)
    _raise_failure(sections)
    _expect(sections, phase, completed)


def commit(shell: Shell, desired: Desired, *, run: str, deadline: float) -> Observed:
    """Claim, save, read back, unlock; what the router is then.

    Raises:
        ChangedMeanwhile: somebody wrote to the files that are to be saved; nothing was saved.
        ApplyFailed: the revert came first, or the router could not save.
        RouterError: the connection broke; nobody knows.
    """
    nonce = new_nonce()
    arguments = (run, desired.asked, desired.places)
    completed = shell.run(script("commit"), nonce, *arguments, deadline=deadline)
    sections = split(completed.stdout, nonce)
    _raise_failure(sections)
    _expect(sections, "save", completed)
    return of_sections(sections)


def revert(shell: Shell, *, run: str, deadline: float) -> str:
    """Take the change of ``run`` back, unless the router did so already.

    Returns:
        What is to be said besides, behind why it is taken back; mostly nothing.

    Raises:
        ApplyFailed: the router could not take it back.
        Locked: the change was committed, and another run has begun since.
        RouterError: the connection broke; nobody knows.
    """
    nonce = new_nonce()
    completed = shell.run(script("revert"), nonce, run, "asked", deadline=deadline)
    sections = split(completed.stdout, nonce)
    said = failure(sections)
    if said is not None and said[0] == "lost":
        return ""
    _raise_failure(sections)
    _expect(sections, "undo", completed)
    return _kept(sections)


def _kept(sections: Mapping[str, Section]) -> str:
    """Where the router put what somebody wrote to files that it then took back; mostly nowhere."""
    lines = sections["undo"].text.splitlines() if "undo" in sections else []
    paths = dict.fromkeys(line.removeprefix("kept ") for line in lines if line.startswith("kept /"))
    return f"; what somebody wrote meanwhile is kept as {', '.join(paths)}" if paths else ""


_HOLDERS: Mapping[str, str] = {
    "stale": "It has nothing to do there any more: --break-lock takes the lock from it",
    "beginning": "It has only just begun; wait for it to end, then run again",
    "armed": "It ends when it is confirmed, or the router takes it back by itself; then run again",
    "claimed": "It is just being saved; run again in a minute",
    "reverting": "It is just being taken back; run again in a minute",
}


def locked(words: str) -> Locked:
    """The error for a lock.

    Args:
        words: ``STATE RUN SINCE WHO``, as the router says it.
    """
    state, run, since, who = (*words.split(), "", "", "", "")[:4]
    when = datetime.fromtimestamp(int(since), UTC) if since.isdecimal() else "unknown"
    return Locked(
        f"another run holds the router: {run or '(no name)'} by {who or 'nobody known'},"
        f" since {when}, {state}",
        _HOLDERS.get(state, _HOLDERS["beginning"]),
    )


def _raise_failure(sections: Mapping[str, Section]) -> None:
    said = failure(sections)
    if said is None:
        return
    kind, words = said
    if kind == "locked":
        raise locked(words)
    error, hint = _KINDS[kind]
    raise error(words, hint)


def _expect(sections: Mapping[str, Section], name: str, completed: Completed) -> None:
    section = sections.get(name)
    if section is None or section.status != 0:
        said = section.text if section else completed.stderr or completed.stdout
        status = section.status if section else completed.status
        raise ApplyFailed(
            f"the router refused to {name} the change (exit status {status}):"
            f" {said.strip()[-500:]}{_kept(sections)}",
            "Look at those words; -v shows what was sent",
        )
