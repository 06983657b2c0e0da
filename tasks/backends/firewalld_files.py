"""firewalld: a change as the files that the remote scripts work by, and as one would type it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from inventory.desired import Backend
from inventory.rules import Rule
from tasks.backends import rich
from tasks.backends.firewalld_place import Place
from tasks.backends.firewalld_start import ENABLE, START
from tasks.backends.protocol import Change
from tasks.fingerprint import sum_of
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Where

OWNED = "file:/var/lib/lvsfleet/owned"
"""The section with the router's list of our own rules."""

_BULK = Path(__file__).parents[1] / "remote" / "firewalld_bulk.py"
_SECONDS_A_RULE = 0.06
"""Twice what one takes in the runtime of a busy router; no way is quicker: see benchmarks."""

MANY = 50
"""From so many saved edits on they are made by one program: see ``firewalld_bulk.py``."""

LIST = "lvsfleet's own list"
"""The scope of an edit of that list alone: a rule that is there becomes ours, or nobody's."""

_POLICY = "policy {}, from ANY to HOST"
_IS_POLICY = re.compile(r"policy (\S+), from ANY to HOST")
_SWAPPED = {Op.ADD: Op.REMOVE, Op.REMOVE: Op.ADD}


def list_edit(op: Op, word: str, rule: Rule, service: str | None) -> Edit:
    """The edit that puts a rule that is there on the list, or takes it off."""
    return Edit(op, Where.SAVED, f"{word} {rich.render(rule)}", service, LIST)


def policy_edit(op: Op, place: Place) -> Edit:
    """The edit that makes a policy, or takes it away; the runtime knows no such thing."""
    return Edit(op, Where.SAVED, _POLICY.format(place.name), None, "firewalld")


def policy_of(edit: Edit) -> str | None:
    """The word of the policy that an edit makes or takes away."""
    match = _IS_POLICY.fullmatch(edit.rule) if edit.scope == "firewalld" else None
    return Place("policy", match[1]).word if match else None


def assemble(
    places: Sequence[str], edits: Sequence[Edit], observed: Observed, *, owned: str
) -> Change:
    """A change from its edits.

    Args:
        places: the words of those that the edits are in.
        edits: all of them.
        observed: what the router is.
        owned: the list of our own rules as it is to be in the end.
    """
    return Change(
        backend=Backend.FIREWALLD,
        edits=tuple(edits),
        files=_files(places, edits, observed, owned=owned),
        commands=tuple(_commands(edits)),
        takes=max(0, len(_list(edits, Where.RUNTIME).splitlines()) - MANY) * _SECONDS_A_RULE,
        lets_in=any(
            each.rule.endswith(" accept") or not each.place for each in edits if each.scope != LIST
        ),
    )


def _files(
    places: Sequence[str], edits: Sequence[Edit], observed: Observed, *, owned: str
) -> dict[str, str]:
    """What the remote scripts work by; see ``begin.sh`` and ``firewalld-change.sh``.

    A firewalld that is to be started gets its saved rules before that; else they come last.
    """
    ops = {each.rule: each.op for each in edits if not each.place}
    starts, stops = ops.get(START) is Op.ADD, ops.get(START) is Op.REMOVE
    told = [observed.sections.get(_section(Place.of(word))) for word in places]
    seen = sum_of("".join(each.text for each in told if each))
    was = "".join(f"{line}\n" for line in (observed.text(OWNED) or "").split("\n") if line)
    saved = _list(edits, Where.SAVED)
    files = {
        "seen": f"{'-' if starts else seen}\n",
        # Until the end the list has also what is about to go: a rule of ours is never a stranger's.
        "owned-meanwhile": was + "".join(x for x in owned.splitlines(True) if x not in was),
        "owned": owned,
        "do/edits": _list(edits, Where.RUNTIME),
        "undo/edits": _list(edits, Where.RUNTIME, undo=True),
        "do/saved-edits": saved if starts else "",
        "save/saved-edits": "" if starts else saved,
        "undo/saved-edits": "" if starts else _list(edits, Where.SAVED, undo=True),
    }
    for folder in ("do", "undo", "save"):
        files[f"{folder}/zones"] = "".join(f"{word}\n" for word in places)
    if saved.count("\n") >= MANY:
        files["bulk.py"] = _BULK.read_text(encoding="utf-8")
    if starts:
        files |= {"do/start": "", "undo/stop": ""}
    if stops:
        files |= {"do/stop": "", "undo/start": ""}
    if ENABLE in ops:
        on, off = ("enable", "disable") if ops[ENABLE] is Op.ADD else ("disable", "enable")
        files |= {f"save/{on}": "", f"undo/{off}": ""}
    return files


def _section(place: Place) -> str:
    return f"firewalld:{'rich' if place.kind == 'zone' else 'policy'}:{place.name}"


def _list(edits: Iterable[Edit], where: Where, *, undo: bool = False) -> str:
    """The edits of one side as ``add|remove PLACE RULE`` lines; for the undo, turned round.

    ``new|delete PLACE -`` makes a policy or takes it away.
    """
    lines: list[str] = []
    for each in edits:
        if each.where is not where:
            continue
        op = _SWAPPED[each.op] if undo else each.op
        policy = policy_of(each)
        if policy:
            lines.append(f"{'new' if op is Op.ADD else 'delete'} {policy} -\n")
        elif each.place:
            lines.append(f"{op.value} {each.place} {each.rule}\n")
    return "".join(lines)


def _commands(edits: Iterable[Edit]) -> Iterator[str]:
    for each in edits:
        policy = policy_of(each)
        if each.scope == LIST:
            yield f"/var/lib/lvsfleet/owned: {each.op.value} {each.rule}"
        elif policy:
            yield from policy_commands(Place.of(policy), each.op)
        elif each.place:
            permanent = " --permanent" if each.where is Where.SAVED else ""
            rule = f"--{each.op.value}-rich-rule={shlex.quote(each.rule)}"
            yield f"firewall-cmd{permanent} {Place.of(each.place).option} {rule}"
        elif each.op is Op.ADD:
            yield each.rule
        else:
            yield each.rule.replace(" start ", " stop ").replace(" enable ", " disable ")


def policy_commands(place: Place, op: Op = Op.ADD) -> Iterator[str]:
    """How one makes an empty policy that holds in every zone, or takes it away."""
    if op is Op.REMOVE:
        yield f"firewall-cmd --permanent --delete-policy={place.name}"
        return
    yield f"firewall-cmd --permanent --new-policy={place.name}"
    yield f"firewall-cmd --permanent {place.option} --add-ingress-zone=ANY"
    yield f"firewall-cmd --permanent {place.option} --add-egress-zone=HOST"
