"""An address comes into keepalived.conf, beside one that is like it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inventory.editing.splice import Splice, spliced
from inventory.rules import Address
from tasks.errors import NotEditable
from tasks.keepalived.editing.copied import copied, part_copied
from tasks.keepalived.editing.file_edit import FileEdit, Lines
from tasks.keepalived.editing.proof import prove
from tasks.keepalived.editing.refusal import in_the_way, no_such, refused
from tasks.keepalived.editing.views import Spot, View, address_of, views
from tasks.keepalived.editing.written import Written, written
from tasks.keepalived.files import Files
from tasks.keepalived.lines import without_comment

MOST_IN_ADVERTS = 255
"""Addresses that an advert can count (RFC 9568, 5.2.5); keepalived excludes the others itself.

Of IPv6 fewer go into a packet: how many hangs on the interface's MTU; ``keepalived -t`` tells.
"""


def add(files: Files, new: Address, like: Address) -> tuple[FileEdit, ...]:
    """Give every instance that has an address another one like it; nothing where it has it already.

    The new line is the other's, for the new address, right behind it; right before it where the
    block ends on that line. A block that begins and ends on one line is followed by another one.
    All of this is done for every router that reads these files, whatever its id.

    Args:
        files: everything that was read.
        new: the address that comes.
        like: the address whose words it gets; of the same family. Where it is gone, and ``new``
            is there, somebody has done all this before.

    Returns:
        A change for each file that has one.

    Raises:
        NoSuchAddress: this router has neither.
        NotEditable: ``like`` stands where one cannot write beside it, or ``new`` stands elsewhere.
    """
    if new.version != like.version:
        raise NotEditable(
            f"{new} cannot go beside {like}: an instance's adverts are of one family",
            f"Name a sibling of {new} that is IPv{new.version}",
        )
    seen = views(files)
    elsewhere = any(view.of(like) for view in seen)
    if not elsewhere and seen[0].of(new):
        return ()
    if not seen[0].of(like):
        raise no_such(files, like, ", only of others that share its files" if elsewhere else "")
    wanted: dict[str, list[Splice]] = {}
    for spot in _lacking(seen, new, like):
        lines = Lines(files.texts[spot.place.file])
        line = written(lines.raw(spot.place.line), spot)
        if isinstance(line, str):
            raise refused(spot, line)
        wanted.setdefault(spot.place.file, []).append(_splice(lines, line, spot, new))
    edits = tuple(
        FileEdit(path, files.texts[path], spliced(files.texts[path], splices))
        for path, splices in wanted.items()
    )
    prove(seen, edits, new, like)
    return edits


def _lacking(seen: Iterable[View], new: Address, like: Address) -> Iterator[Spot]:
    """Each spot of ``like`` whose instance has no ``new``, once."""
    done: dict[object, tuple[Spot, bool]] = {}
    for view in seen:
        there = {spot.number: spot for spot in view.of(new)}
        instances = {spot.number for spot in view.of(like)}
        for number, spot in there.items():
            if number not in instances:
                raise in_the_way(spot, f"and no {like}: that is another instance's")
        for spot in view.of(like):
            has = spot.number in there
            _, had = done.setdefault(spot.written_at, (spot, has))
            if has != had:
                by = next(iter(there.values())) if has else spot
                raise in_the_way(by, "but not for every router")
            if not has:
                _room(view, spot)
    return (spot for spot, has in done.values() if not has)


def _room(view: View, spot: Spot) -> None:
    count = sum(not each.excluded for each in view.spots if each.number == spot.number)
    if not spot.excluded and count >= MOST_IN_ADVERTS:
        raise refused(
            spot,
            f"its adverts have {count} addresses, and there is room for {MOST_IN_ADVERTS}",
            "Put it in virtual_ipaddress_excluded by hand, then run this again with"
            " --no-keepalived",
        )


def _splice(lines: Lines, line: Written, spot: Spot, new: Address) -> Splice:
    """Where the new address goes, and as what."""
    number = spot.place.line
    start = lines.start(number)
    if line.alone or line.own_line:
        return lines.behind(number, copied(line, spot, new))
    if line.own_block:
        keyword, end = line.pieces[line.at - 2], line.pieces[line.at + 1]
        block = part_copied(line, spot, new, keyword.start, end.end)
        return Splice(start + end.end, start + end.end, f" {block}")
    words = part_copied(line, spot, new, line.piece.start, line.piece.end)
    end_of_line = "\r" if line.raw.endswith("\r") else ""
    if not line.behind and line.before[-1] == "{":
        indent = _further_in(lines, number, line)
        return lines.behind(number, f"{indent}{words}{end_of_line}")
    if not line.before and line.behind[0] == "}":
        return lines.before(number, f"{line.indent}{words}{end_of_line}")
    raise refused(spot, "the line has too much of its block; give the address a line of its own")


def _further_in(lines: Lines, number: int, line: Written) -> str:
    """The indent of the address on the next line; else a step more than this line's."""
    own = line.indent
    blanks = own[: len(own) - len(own.lstrip())]
    following = lines.raw(number + 1)
    text, _, _ = without_comment(following)
    if text and address_of(text.split()[0]) is not None:
        further = following[: len(following) - len(following.lstrip())]
    else:
        further = blanks + ("\t" if "\t" in blanks else "    ")
    return further + own[len(blanks) :]
