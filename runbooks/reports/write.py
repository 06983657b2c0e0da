"""Reports into files: ``--report html=FILE,prometheus=FILE``, each whole or not written at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from inventory.errors import LvsfleetError
from inventory.problems import did_you_mean, one_of
from runbooks.output import NotWritable, check_writable, write_file
from runbooks.reports.check import CheckRun

Renderer = Callable[[CheckRun], str]

OPTION = "--report"
_NEXT = re.compile(r",(?=[a-z]+=)")  # a comma within a file's name is part of it


class BadReport(LvsfleetError):
    """``--report`` says nothing that can be done."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report that is asked for.

    Attributes:
        name: one of `REPORTS`.
        path: the file.
    """

    name: str
    path: Path


def _late(module: str) -> Renderer:
    """``render_MODULE`` of a module that is imported when it is first used."""

    def render(run: CheckRun) -> str:
        found = import_module(f"runbooks.reports.{module}")
        renderer: Renderer = getattr(found, f"render_{module}")
        return renderer(run)

    return render


REPORTS: Mapping[str, Renderer] = MappingProxyType(
    {
        "html": _late("html"),
        "json": _late("check_json"),
        "junit": _late("junit"),
        "prometheus": _late("prometheus"),
        "sarif": _late("sarif"),
    }
)
"""What ``--report`` can make, by name; each is a pure function."""

WHOLE = frozenset({"json", "prometheus"})
"""Reports of what is so, not of what is new: with a baseline too they tell everything. So one run's
json file can be the next one's baseline."""


def parse_reports(values: Iterable[str], *, taken: Path | None = None) -> tuple[Wanted, ...]:
    """What ``--report`` asks for, in its order, before any router is contacted.

    Args:
        values: as given, ``NAME=FILE`` each, or several with commas between them.
        taken: the file of ``--output``, which no report may have.

    Raises:
        BadReport: no such report, no file, or one file twice.
        NotWritable: a file could not be written.
    """
    wanted = tuple(_parse(each) for value in values for each in _NEXT.split(value))
    seen: dict[Path, str] = {taken.resolve(): "--output"} if taken else {}
    for each in wanted:
        option = f"{OPTION} {each.name}"
        if other := seen.get(each.path.resolve()):
            raise BadReport(f"{option}: {each.path} is the file of {other} too")
        check_writable(each.path, option)
        seen[each.path.resolve()] = option
    return wanted


def _parse(text: str) -> Wanted:
    name, equals, path = text.partition("=")
    if name not in REPORTS:
        near = did_you_mean(name, REPORTS)
        raise BadReport(
            f"{OPTION}: there is no report {name!r}", near or f"There are {one_of(REPORTS, 'and')}"
        )
    if not equals or not path:
        raise BadReport(f"{OPTION} {name}: no file is named", f"Write {OPTION} {name}=FILE")
    return Wanted(name, Path(path))


def write_reports(
    wanted: Sequence[Wanted], run: CheckRun, *, news: CheckRun | None = None
) -> tuple[NotWritable, ...]:
    """Render and write every report; one that fails does not cost the others.

    Args:
        wanted: the reports.
        run: everything that was found.
        news: what of it is new since the baseline, where there is one.

    Returns:
        What could not be written, to be shown; routers were contacted, so it is no usage error.
    """
    failed: list[NotWritable] = []
    for each in wanted:
        text = REPORTS[each.name](run if news is None or each.name in WHOLE else news)
        try:
            write_file(text, each.path)
        except OSError as error:
            failed.append(
                NotWritable(f"{OPTION} {each.name}: {each.path}: {error.strerror or error}")
            )
    return tuple(failed)
