"""What an adoption found, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runbooks.adopting.draft import GOES, STAYS, Draft
from runbooks.reports.table import routers as count_of
from runbooks.reports.text import Screen, visible, wrap
from tasks.errors import RouterError

_INDENT = "    "


def render(
    drafts: Iterable[Draft],
    failed: Mapping[str, RouterError],
    notes: Iterable[str],
    screen: Screen,
) -> str:
    """All of it, several paragraphs.

    Args:
        drafts: all teams.
        failed: the routers that could not be read.
        notes: what else is to be said, a line each.
        screen: what it is for.
    """
    drafts = list(drafts)
    blocks = [list(_team(draft, screen)) for draft in drafts]
    untold = [line for draft in drafts for line in draft.untold]
    going = [line for draft in drafts for line in draft.going]
    ahead = [line for draft in drafts for line in draft.ahead]
    blocks.append(_listed(STAYS, untold, "yellow", screen))
    blocks.append(_listed(GOES, going, "bold red", screen))
    blocks.append(_listed("A rollout of it would change:", ahead, "yellow", screen))
    unread = [f"{name}: {error}" for name, error in failed.items()]
    blocks.append(_listed("Not read, so not in it:", unread, "bold red", screen))
    blocks.append([line for note in notes for line in wrap(visible(note), screen.width)])
    if drafts and not ahead:
        blocks.append(["A rollout of it changes nothing."])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _team(draft: Draft, screen: Screen) -> Iterator[str]:
    names = ", ".join(visible(each.router) for each in draft.team.routers)
    what = f"cluster {draft.team.cluster}" if draft.team.cluster else "alone"
    backends = ", ".join(dict.fromkeys(each.backend.value for each in draft.team.routers))
    said = f"{names}: {what}, {count_of(len(draft.team.routers))}, {backends}"
    yield screen.paint(visible(said), "bold")
    for each in draft.services:
        service = each.service
        vips, ports = (", ".join(map(str, those)) for those in (service.vips, service.ports))
        accept = ", accept" if service.accept else ""
        text = f"{service.name}: mark {service.mark}{accept}: {vips}: {ports}"
        yield from wrap(visible(text), screen.width, _INDENT)
    if not draft.services:
        yield f"{_INDENT}no marks"


def _listed(title: str, lines: Iterable[str], colour: str, screen: Screen) -> list[str]:
    listed = [
        part
        for line in lines
        for each in line.split("\n")
        for part in wrap(visible(each), screen.width, _INDENT)
    ]
    return [screen.paint(title, colour), *listed] if listed else []
