"""What a change does to others' tables and files beside ours: lines of a diff, files to work by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from inventory.rules import Rule
from tasks.backends.nft_files import Sources
from tasks.backends.nft_foreign import ForeignMark
from tasks.backends.nft_json import objects
from tasks.backends.nft_moves import additions, deletions, less, line, place
from tasks.backends.nft_sides import MARKING, Side
from tasks.backends.nft_taking import Taking
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Where


@dataclass(frozen=True, slots=True)
class Others:
    """What goes or comes back of others' rules.

    Attributes:
        moves: each with where and whether it comes.
        texts: the files that change: path, text before, text after.
        files: what the remote scripts work by; see ``nftables-change.sh``.
        commands: the change as one would type it.
    """

    moves: tuple[tuple[Op, Where, ForeignMark], ...] = ()
    texts: tuple[tuple[str, str, str], ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()

    @classmethod
    def going(cls, taken: Taking, now: Side, sources: Sources | None, observed: Observed) -> Others:
        """What goes."""
        new = sources.without(taken.saved) if sources else {}
        texts = tuple((path, sources.files[path], text) for path, text in new.items() if sources)
        out = deletions(taken.running)
        files = {}
        if taken.running:
            files["do/go"] = out
            files["do/tables"] = _fingerprints(taken.running, observed)
            files["undo/come"] = additions(taken.running, less(now, taken.running).tables)
        if taken.saved and sources:
            files["save/rehearse"] = deletions(taken.saved)
            files["save/conf"] = f"{sources.conf}\n"
        commands = [f"nft -f - <<'END'\n{out}END"] if out else []
        commands += (f"{path}: edited in place" for path in new)
        moves = [(Op.REMOVE, Where.RUNTIME, each) for each in taken.running]
        moves += ((Op.REMOVE, Where.SAVED, each) for each in taken.saved)
        return cls(tuple(moves), texts, files, tuple(commands))

    @classmethod
    def coming(
        cls,
        running: tuple[ForeignMark, ...],
        saved: tuple[ForeignMark, ...],
        now: Side,
        was: Sources | None,
    ) -> Others:
        """What comes back to where it was.

        Args:
            running: into what runs.
            saved: into the files.
            now: the tables of others as they run.
            was: the files as they were.
        """
        edited = was.without(saved) if was else {}
        texts = tuple((path, text, was.files[path]) for path, text in edited.items() if was)
        files = {}
        if running:
            files["do/come"] = additions(running, now.tables)
            files["undo/elements"] = deletions(each for each in running if each.map)
        moves = [(Op.ADD, Where.RUNTIME, each) for each in running]
        moves += ((Op.ADD, Where.SAVED, each) for each in saved)
        commands = [f"nft --json --file - <<'END'\n{files['do/come']}END"] if running else []
        commands += (f"{path}: as it was" for path, _, _ in texts)
        return cls(tuple(moves), texts, files, tuple(commands))

    def edits(self, service: Callable[[Rule], str | None]) -> Iterator[Edit]:
        """The lines of the diff."""
        yield from dict.fromkeys(
            Edit(op, where, line(each), next(map(service, each.marks), None), place(each))
            for op, where, each in self.moves
        )


def _fingerprints(going: tuple[ForeignMark, ...], observed: Observed) -> str:
    """A line for each table and map that something goes out of, as it was listed: SHA-256 first."""
    wanted = {(each.chain.family, each.chain.table, each.map) for each in going}
    wanted |= {(family, table, "") for family, table, _ in wanted}
    found = []
    for text in (observed.text(MARKING) or "").split("\n"):
        kind, body = next(iter(objects(text)), ("", {})) if text.strip() else ("", {})
        name = (body.get("family"), body.get("table" if kind == "map" else "name"))
        key = (*name, body.get("name") if kind == "map" else "")
        if key in wanted:
            data = f"{text}\n".encode("utf-8", "surrogateescape")
            found.append(f"{hashlib.sha256(data).hexdigest()} {' '.join(filter(None, key))}\n")
    return "".join(found)
