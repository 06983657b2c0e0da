"""The adoption: read what routers do today, and write an inventory that describes it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inventory.errors import LvsfleetError
from inventory.fleet import check
from inventory.loader import load_fleet
from runbooks.adopting.draft import Draft, drafts
from runbooks.adopting.files import files
from runbooks.adopting.logins import has_password, login_of, own_data_of
from runbooks.asking import Asking
from runbooks.loading import load, refuse_absent_lab
from runbooks.selection import select
from tasks.adopt.today import today
from tasks.errors import RouterError
from tasks.look import Look
from tasks.observe import Observed
from tasks.survey import survey_of

NAMES = ("hosts.yaml", "groups.yaml", "defaults.yaml")


@dataclass(frozen=True, slots=True)
class Adoption:
    """What came of it.

    Attributes:
        drafts: what was found.
        failed: the routers that could not be read, and why.
        texts: the inventory, by file name; empty where no router could be read.
        notes: what else is to be said.
    """

    drafts: tuple[Draft, ...]
    failed: Mapping[str, RouterError]
    texts: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; see `runbooks.conduct.Request`."""

    inventory: Path | None = None
    limit: Sequence[str] = ()
    filters: Sequence[str] = ()
    workers: int | None = None
    timeout: float = 120.0
    verbosity: int = 0


def adopt(request: Request) -> Adoption:
    """Read the routers; nothing on them is changed, and nothing is written.

    Raises:
        LvsfleetError: the inventory is refused or nothing is selected, and nothing was contacted;
            or what the routers do is no inventory at all.
    """
    nr, fleet = load(request.inventory)
    chosen = select(nr.inventory.hosts, request.limit, request.filters)
    refuse_absent_lab(request.inventory)
    asking = Asking(nr, request.workers, request.timeout, request.verbosity)
    looks, failed = asking(chosen, lambda task: survey_of(task, deadline=request.timeout), Look)
    routers = []
    for name, look in looks.items():
        try:
            routers.append(today(fleet.desired[name], _answer(look)))
        except RouterError as error:
            failed[name] = error
    found = tuple(drafts(routers))
    if not found:
        return Adoption((), failed, {})
    hosts = {each.router: nr.inventory.hosts[each.router] for each in routers}
    kinds = fleet.connections
    texts = files(
        found,
        {name: login_of(host, kinds[name]) for name, host in hosts.items()},
        {name: own_data_of(host, kinds[name]) for name, host in hosts.items()},
    )
    _check(texts)
    silent = [name for name, host in hosts.items() if has_password(host, kinds[name])]
    notes = [f"Passwords are not copied: {', '.join(silent)} had one."] if silent else []
    return Adoption(found, failed, texts, tuple(notes))


def refuse_existing(folder: Path) -> None:
    """Refuse a folder that has an inventory already.

    Raises:
        LvsfleetError: it has, or one may not look into it.
    """
    try:
        there = [name for name in NAMES if (folder / name).exists()]
    except OSError as error:
        raise LvsfleetError(
            f"--output: {folder} cannot be looked into: {error.strerror}; nothing was contacted",
            "Name another folder, or run this as its owner",
        ) from error
    if there:
        raise LvsfleetError(
            f"--output: {folder} has {', '.join(there)} already; nothing was contacted",
            "Name another folder, or --force to write over them",
        )


def write(texts: Mapping[str, str], folder: Path) -> None:
    """Write the files, each in one step.

    Raises:
        LvsfleetError: one cannot be written.
    """
    from runbooks.output import publish  # noqa: PLC0415 - only where something is written

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LvsfleetError(f"--output: {folder}: {error.strerror}") from error
    for name, text in texts.items():
        publish(text, folder / name)


def _answer(look: Look) -> Observed:
    """What a router answered.

    Raises:
        RouterError: why it did not.
    """
    if look.observed is None:
        raise look.error or RouterError("it was not asked")
    return look.observed


def _check(texts: Mapping[str, str]) -> None:
    """Refuse what ``inventory check`` would.

    Raises:
        LvsfleetError: what is wrong with it.
    """
    with tempfile.TemporaryDirectory(prefix="lvsfleet-adopt-") as name:
        folder = Path(name)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        check(load_fleet(folder))
