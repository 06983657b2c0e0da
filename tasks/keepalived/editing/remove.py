"""An address goes from keepalived.conf."""

from __future__ import annotations

from collections.abc import Iterable

from inventory.editing.splice import Splice, spliced
from inventory.rules import Address
from tasks.keepalived.editing.file_edit import FileEdit, Lines
from tasks.keepalived.editing.proof import prove
from tasks.keepalived.editing.refusal import no_such, refused
from tasks.keepalived.editing.views import View, views
from tasks.keepalived.editing.written import Written, written
from tasks.keepalived.files import Files


def remove(files: Files, old: Address) -> tuple[FileEdit, ...]:
    """Take an address from every instance that has it, whichever router reads the files.

    Its line goes, or what the line has of it. A block that was begun and ended for it alone goes
    with it; one that has lines of its own stays, if need be empty, which keepalived does not mind
    (2.2.7). An instance's last address stays: with none in its adverts keepalived complains, and
    with version 3 drops the instance.

    Args:
        files: everything that was read.
        old: the address that goes.

    Returns:
        A change for each file that has one.

    Raises:
        NoSuchAddress: no instance has it.
        NotEditable: it stands where one cannot take it away alone.
    """
    seen = views(files)
    spots = {spot.written_at: spot for view in seen for spot in view.of(old)}
    if not spots:
        raise no_such(files, old)
    _leaves_one(seen, old)
    wanted: dict[str, list[Splice]] = {}
    for spot in spots.values():
        lines = Lines(files.texts[spot.place.file])
        line = written(lines.raw(spot.place.line), spot)
        if isinstance(line, str):
            raise refused(spot, line)
        wanted.setdefault(spot.place.file, []).append(_splice(lines, line, spot.place.line))
    edits = tuple(
        FileEdit(path, files.texts[path], spliced(files.texts[path], splices))
        for path, splices in wanted.items()
    )
    prove(seen, edits, old, None)
    return edits


def _leaves_one(seen: Iterable[View], old: Address) -> None:
    for view in seen:
        for spot in view.of(old):
            others = (
                each
                for each in view.spots
                if each.number == spot.number and each.address != old and not each.excluded
            )
            if not spot.excluded and not any(True for _ in others):
                raise refused(
                    spot,
                    "it is the only address in its instance's adverts, and keepalived wants one",
                    f"Take vrrp_instance {spot.instance} ({spot.begins}) away by hand on every"
                    " router of the cluster, then run this again with --no-keepalived",
                )


def _splice(lines: Lines, line: Written, number: int) -> Splice:
    if line.alone or line.own_line:
        return lines.without(number)
    pieces, at = line.pieces, line.at
    if line.own_block:
        keyword, end = at - 2, at + 1
        if keyword:
            span = pieces[keyword - 1].end, pieces[end].end
        else:
            span = pieces[keyword].start, pieces[end + 1].start
    elif line.behind:
        span = line.piece.start, pieces[at + 1].start
    else:
        span = pieces[at - 1].end, line.piece.end
    start = lines.start(number)
    return Splice(start + span[0], start + span[1])
