"""The journal: what a run is about to do, on the disk before it does it; and reading that again.

Below ``$XDG_STATE_HOME/lvsfleet/runs/RUN/`` (``~/.local/state``; folders 0700, files 0600):

``journal.jsonl``
    One JSON object a line: ``t`` (RFC 3339, UTC, milliseconds), ``s`` (seconds since the run's
    start, by a clock that does not jump), ``event``, and what belongs to it:

    - ``run``: ``format`` 1, ``run``, ``command``, ``who``, ``version``, ``started``,
      ``inventory``, ``selection``, ``options``. Always the first.
    - ``plan``: ``router``, ``cluster``, ``backend``, ``changes`` [{``op``, ``where``, ``rule``,
      ``service``, ``scope``}].
    - ``wave``: ``number``, ``routers``.
    - ``step``: ``router``, ``step`` (begin, advance, reread, follow, verify, commit, revert),
      ``state`` (starts, done, failed), ``detail``.
    - ``inventory``: ``state`` (planned, starts, done, failed) and, where it is planned, ``files``
      [{``path``, ``label``, ``before``, ``after``, ``splices``}]: SHA-256 of the old file and of
      the new one, and what went and came at which byte; of a run that changes the inventory, too.
    - ``outcome``: ``router``, ``status``, ``seconds``, ``error`` {``kind``, ``message``, ``hint``}.
    - ``end``: ``interrupted``, ``stopped``, ``summary``. A run without it was cut off.

    A reader ignores events and keys that it does not know, and lines that are no JSON.

``routers/NAME/before.json``, ``after.json``, ``snapshot.json``
    What the router answered: {name: {``status``, ``text``}}. Bytes that were no UTF-8 are lone
    surrogates (PEP 383). Passwords of keepalived are left out. Where the same run put the router
    back, what it answered then is in ``before-2.json`` and so on.

``unfinished/RUN``, beside ``runs``
    An empty file, there before the first router is changed by a run that must not stay half done,
    and until routers and inventory are all as before or all as wanted.

The writer holds a lock (flock) on ``journal.jsonl`` as long as it lives. The 200 newest runs are
kept, and any that has no end or is not finished.
"""

from runbooks.journal.finding import find, recorded
from runbooks.journal.reading import NotRead, kept, read
from runbooks.journal.recorded import End, RecordedRouter, RecordedRun, RecordedStep
from runbooks.journal.writing import Journal, NotRecorded

__all__ = [
    "End",
    "Journal",
    "NotRead",
    "NotRecorded",
    "RecordedRouter",
    "RecordedRun",
    "RecordedStep",
    "find",
    "kept",
    "read",
    "recorded",
]
