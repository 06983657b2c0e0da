"""The page's matrix: a row for each router, by cluster, and a column for each check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.html_findings import has_section
from runbooks.reports.html_text import CLASSES, kind_of, plural, text
from runbooks.reports.words import check_title, checks_of, why_unreached
from tasks.checks.info import CheckInfo

MARKS: Mapping[str, str] = {"error": "✖", "warning": "▲", "info": "i", "waived": "w"}
"""What stands in a cell; the gravest first. Colour alone says nothing to many people."""

ALONE = "no cluster"
_LONGEST_REASON = 300


def clusters_of(run: CheckRun) -> Iterator[str]:
    """The clusters in the inventory's order."""
    return iter(dict.fromkeys(each.cluster or ALONE for each in run.routers))


def render_matrix(run: CheckRun) -> str:
    """The table, in a box that scrolls."""
    if not run.routers:
        return ""
    checks = checks_of(run)
    failing = Counter(
        check
        for router in run.routers
        for check in {each.id for each in router.findings if each.counts}
    )
    found = {each.id for router in run.routers for each in router.findings}
    columns = "".join(
        f'<col class="check{"" if each.id in found else " clean"}">' for each in checks
    )
    heads = "".join(
        f'<th scope="col"><a class="id" href="#c-{text(each.id)}" '
        f'title="{text(check_title(each))}">{text(each.id)}</a>'
        for each in checks
    )
    counts = "".join(f"<td>{failing[each.id] or ''}" for each in checks)
    return "\n".join(
        (
            '<div class="scroll" tabindex="0" role="region" aria-label="The matrix">',
            f'<table><colgroup><col class="name"><col class="status">{columns}</colgroup>',
            f'<thead><tr><th scope="col">Router<th scope="col">Status{heads}</thead>',
            f'<tbody><tr class="count"><th scope="row">Routers that fail<td>{counts}</tbody>',
            *_bodies(run, checks),
            "</table></div>",
        )
    )


def _bodies(run: CheckRun, checks: tuple[CheckInfo, ...]) -> Iterator[str]:
    numbered = list(enumerate(run.routers))
    by_cluster: dict[str, list[tuple[int, Checked]]] = {name: [] for name in clusters_of(run)}
    for number, router in numbered:
        by_cluster[router.cluster or ALONE].append((number, router))
    for name, members in by_cluster.items():
        wrong = Counter(each.status for _, each in members)
        words = [plural(len(members), "router")]
        words += [
            f"{wrong[status]} {status.value}"
            for status in (Compliance.DRIFT, Compliance.UNREACHABLE)
            if wrong[status]
        ]
        yield (
            f'<tbody data-cluster="{text(name)}"><tr class="cluster">'
            f'<th scope="rowgroup" colspan="{len(checks) + 2}"><span>{text(name)} '
            f"<small>{', '.join(words)}</small></span>"
        )
        yield from (_row(number, router, checks) for number, router in members)
        yield "</tbody>"


def _row(number: int, router: Checked, checks: tuple[CheckInfo, ...]) -> str:
    name = text(router.router)
    if has_section(router):
        name = f'<a href="#r{number}">{name}</a>'
    status = router.status.value
    if router.status is Compliance.UNREACHABLE:
        why = text(why_unreached(router)[:_LONGEST_REASON])
        cells = f'<td class="unreached" colspan="{len(checks)}">{why}' if checks else ""
    else:
        cells = "".join(_cells(number, router, checks))
    return (
        f'<tr data-router="r{number}" data-status="{status}">'
        f'<th scope="row" title="{text(router.router)}">{name}'
        f'<td class="{CLASSES[status]}">{status}{cells}'
    )


def _cells(number: int, router: Checked, checks: tuple[CheckInfo, ...]) -> Iterator[str]:
    found: dict[str, list[tuple[int, str]]] = {}
    for place, finding in enumerate(router.findings):
        found.setdefault(finding.id, []).append((place, kind_of(finding)))
    order = list(MARKS)
    for info in checks:
        if info.id not in found:
            yield "<td>·"
            continue
        place, kind = min(found[info.id], key=lambda each: order.index(each[1]))
        about = f"{text(info.id)} {kind}, {plural(len(found[info.id]), 'finding')}"
        link = f'<a href="#f{number}-{place}" aria-label="{about}">{MARKS[kind]}</a>'
        yield f'<td class="{kind}">{link}'
