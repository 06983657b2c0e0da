"""The drafts as the text of an inventory's files, with comments that say where all comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from inventory.desired import Backend, Desired
from runbooks.adopting.draft import GOES, STAYS, Draft
from runbooks.adopting.services import Described
from runbooks.reports.text import visible

Login = Mapping[str, Any]
"""How a router is reached, as an inventory says it: hostname, username, connection_options, …"""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z|\d+(\.\d+){3}\Z|\d+(-\d+)?/[a-z]+\Z")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_WIDEST = 0xFFFF
_SETTINGS = ("backend", "zone", "policy")
_HEAD = "# Written by `lvsfleet adopt` from what the routers do today: read it, then keep it.\n"


def files(
    drafts: Iterable[Draft], logins: Mapping[str, Login], own: Mapping[str, Any]
) -> dict[str, str]:
    """The text of each file, by its name.

    Args:
        drafts: all teams.
        logins: how each router is reached.
        own: the operators' own data of each router (``x-…``), and its ``connection``.
    """
    drafts = list(drafts)
    shared = _alike(logins.values())
    hosts = [
        _HEAD,
        "# The routers: a name, where its sshd listens, and the group that says all else.\n",
    ]
    groups = [_HEAD]
    for draft in drafts:
        common = _common_settings(draft)
        if draft.team.cluster is not None:
            groups += _group(draft, common)
        for router in draft.team.routers:
            login = {k: v for k, v in logins[router.router].items() if k not in shared}
            data = {**_settings(router.settings, but=common), **own[router.router]}
            hosts += _host(draft, router.router, login, data)
    groups += _remarks(STAYS, (line for draft in drafts for line in draft.untold))
    groups += _remarks(GOES, (line for draft in drafts for line in draft.going))
    groups += _remarks("A rollout of this inventory would change:", _ahead(drafts))
    defaults = [_HEAD, "# What holds for every router.\n", *_block(shared, 0)]
    if not shared:
        defaults.append("{}\n")
    texts = {"hosts": hosts, "groups": groups, "defaults": defaults}
    return {f"{name}.yaml": "".join(lines) for name, lines in texts.items()}


def _ahead(drafts: Iterable[Draft]) -> list[str]:
    return [line for draft in drafts for line in draft.ahead]


def _remarks(title: str, lines: Iterable[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield f"\n# {title}\n"
        yield from (f"#   {visible(line)}\n" for line in listed)


def _alike(logins: Iterable[Login]) -> dict[str, Any]:
    """What is the same for all of them; a host's own name never is."""
    listed = list(logins)
    first = dict(listed[0]) if listed else {}
    first.pop("hostname", None)
    return {k: v for k, v in first.items() if all(k in each and each[k] == v for each in listed)}


def _settings(desired: Desired, *, but: Iterable[str] = ()) -> dict[str, Any]:
    said = {key: getattr(desired, key, None) for key in _SETTINGS if key not in but}
    found = {key: str(value) for key, value in said.items() if value not in (None, Backend.AUTO)}
    return found | ({"start": True} if desired.start and "start" not in but else {})


def _common_settings(draft: Draft) -> dict[str, Any]:
    """The settings that all routers of a cluster have alike."""
    if draft.team.cluster is None:
        return {}
    each = [_settings(router.settings) for router in draft.team.routers]
    return {k: v for k, v in each[0].items() if all(other.get(k) == v for other in each)}


def _group(draft: Draft, common: Mapping[str, Any]) -> Iterator[str]:
    name = scalar(draft.team.cluster)
    yield f"\n# {visible(draft.team.why)}\n{name}:\n  data:\n    cluster: {name}\n"
    yield from _block(common, 4)
    yield from _services(draft, 4)


def _host(draft: Draft, name: str, login: Login, data: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n{scalar(name)}:\n"
    yield from _block(login, 2)
    if draft.team.cluster is not None:
        yield f"  groups: [{scalar(draft.team.cluster)}]\n"
    alone = list(_services(draft, 4)) if draft.team.cluster is None else []
    if data or alone:
        yield "  data:\n"
        yield from _block(data, 4)
        yield from alone


def _services(draft: Draft, indent: int) -> Iterator[str]:
    pad = " " * indent
    if draft.services:
        yield f"{pad}services:\n"
    for each in draft.services:
        yield from _service(each, indent + 2)
    if draft.vrrp.accept:
        ah = ", ah: true" if draft.vrrp.ah else ""
        yield f"{pad}vrrp: {{accept: true{ah}}}\n"


def _service(described: Described, indent: int) -> Iterator[str]:
    pad, service = " " * indent, described.service
    yield from (f"{pad}# {visible(remark)}\n" for remark in described.remarks)
    yield f"{pad}{scalar(service.name)}:\n"
    yield f"{pad}  vips: [{', '.join(scalar(str(vip)) for vip in service.vips)}]\n"
    yield f"{pad}  ports: [{', '.join(scalar(str(ports)) for ports in service.ports)}]\n"
    yield f"{pad}  mark: {service.mark}\n"
    if service.accept:
        yield f"{pad}  accept: true\n"


def _block(values: Mapping[str, Any], indent: int) -> Iterator[str]:
    """A mapping, a line each; what is not simple as JSON, which is YAML too."""
    for key, value in values.items():
        yield f"{' ' * indent}{scalar(key)}: {scalar(value)}\n"


def scalar(value: Any) -> str:
    """A value on one line, quoted where YAML would take it for something else."""
    if isinstance(value, str) and _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(k)}: {scalar(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(scalar, value))}]"
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    """A character that YAML does not take as it is."""
    number = ord(character)
    return f"\\u{number:04x}" if number <= _WIDEST else f"\\U{number:08x}"
