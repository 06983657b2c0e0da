"""One change of one router: begin, verify, commit, or revert; each is one exec on the router.

``begin`` locks, compares, snapshots, arms the revert and applies to the runtime; ``commit`` wins
the claim against the armed revert, saves and reads back. What a step says is never taken for done:
the caller observes again.
"""

from __future__ import annotations

from collections.abc import Mapping

from inventory.desired import Desired
from tasks.backends.protocol import Change
from tasks.errors import ApplyFailed, ChangedMeanwhile, Locked, NotReady, RouterError
from tasks.observe import Observed, parse
from tasks.remote import script
from tasks.sections import Section, failure, files, new_nonce, split
from tasks.shell import Completed, Shell

_KINDS: Mapping[str, tuple[type[RouterError], str]] = {
    "preflight": (NotReady, "Mend that on the router and run again"),
    "changed-meanwhile": (ChangedMeanwhile, "Run again: it looks anew"),
    "lost": (ApplyFailed, "The router took the change back; run again"),
}


def begin(
    shell: Shell, change: Change, *, run: str, who: str, confirm_timeout: int, deadline: float
) -> None:
    """Lock, compare, snapshot, arm, apply.

    Args:
        shell: a root shell on the router.
        change: what to do.
        run: the run's name; letters, digits and dashes.
        who: who runs it, for whoever meets the lock.
        confirm_timeout: seconds until the router takes the change back on its own.
        deadline: seconds for this step.

    Raises:
        Locked: another run holds the router; nothing was changed.
        ChangedMeanwhile: the rules are not those that were observed; nothing was changed.
        NotReady: the preflight failed; nothing was changed.
        ApplyFailed: the router refused the change; it is to be reverted.
        RouterError: the connection broke; nobody knows.
    """
    nonce = new_nonce()
    stdin = files(nonce, {**change.files, "revert.sh": script("revert")})
    completed = shell.run(
        script("begin"), nonce, run, str(confirm_timeout), who, stdin=stdin, deadline=deadline
    )
    sections = split(completed.stdout, nonce)
    _raise_failure(sections)
    _expect(sections, "apply", completed)


def commit(shell: Shell, desired: Desired, *, run: str, deadline: float) -> Observed:
    """Claim, save, read back, unlock; what the router is then.

    Raises:
        ChangedMeanwhile: somebody wrote to the files that are to be saved; nothing was saved.
        ApplyFailed: the revert came first, or the router could not save.
        RouterError: the connection broke; nobody knows.
    """
    nonce = new_nonce()
    completed = shell.run(
        script("commit"),
        nonce,
        run,
        desired.backend.value,
        desired.zone or "",
        deadline=deadline,
    )
    sections = split(completed.stdout, nonce)
    _raise_failure(sections)
    _expect(sections, "save", completed)
    return parse(completed, nonce)


def revert(shell: Shell, *, run: str, deadline: float) -> None:
    """Take the change of ``run`` back, unless the router did so already.

    Raises:
        ApplyFailed: the router could not take it back.
        RouterError: the connection broke; nobody knows.
    """
    nonce = new_nonce()
    completed = shell.run(script("revert"), nonce, run, "asked", deadline=deadline)
    sections = split(completed.stdout, nonce)
    said = failure(sections)
    if said is None or said[0] != "lost":
        _expect(sections, "undo", completed)


def _raise_failure(sections: Mapping[str, Section]) -> None:
    said = failure(sections)
    if said is None:
        return
    kind, words = said
    if kind == "locked":
        run, since, who = (*words.split(maxsplit=2), "", "", "")[:3]
        raise Locked(
            f"another run holds the router: {run or 'of unknown name'} by {who or 'nobody known'},"
            f" since {since or 'unknown'} (seconds since 1970)",
            "Wait for it to end, then run again",
        )
    error, hint = _KINDS[kind]
    raise error(words, hint)


def _expect(sections: Mapping[str, Section], name: str, completed: Completed) -> None:
    section = sections.get(name)
    if section is None or section.status != 0:
        said = section.text if section else completed.stderr or completed.stdout
        status = section.status if section else completed.status
        raise ApplyFailed(
            f"the router refused to {name} the change (exit status {status}):"
            f" {said.strip()[-500:]}",
            "Look at those words; -v shows what was sent",
        )
