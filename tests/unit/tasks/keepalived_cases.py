"""The cases of tests/cases/keepalived, read; their format is in the README there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.keepalived.config import Config, Endpoint, RealServer, Target
from tasks.keepalived.files import Files
from tests.unit.tasks.cases import CASES

FOLDER = CASES / "keepalived"


@dataclass(frozen=True)
class Case:
    source: Path
    title: str
    files: Files
    reads: str


def cases() -> list[Case]:
    return list(_cases())


def _cases() -> Iterator[Case]:
    for source in sorted(FOLDER.glob("*.txt")):
        for block in re.split(r"^=== ", source.read_text(), flags=re.MULTILINE)[1:]:
            title, _, rest = block.partition("\n")
            parts = re.split(r"^--- (.+)\n", rest, flags=re.MULTILINE)
            said = dict(zip(parts[1::2], parts[2::2], strict=True))
            reads = said.pop("reads")
            config_id = said.pop("id", "lb1").strip()
            yield Case(source, title, Files(next(iter(said)), said, config_id), reads.strip("\n"))


def told(config: Config) -> str:
    """Everything that was read, a line each."""
    return "\n".join(_lines(config))


def _lines(config: Config) -> Iterator[str]:
    for instance in config.instances:
        words = [f"instance {instance.name}"]
        words += [f"on {instance.interface}"] if instance.interface else []
        words += [instance.state] if instance.state else []
        words += [f"id {instance.router_id}"] if instance.router_id is not None else []
        words += ["ah"] if instance.ah else []
        yield f"{instance.place} {' '.join(words)}"
        for each in instance.addresses:
            text = f"{each.place}   {each.address}/{each.prefix}"
            text += f" dev {each.device}" if each.device else ""
            text += f" label {each.label}" if each.label else ""
            yield text + (" excluded" if each.excluded else "")
    for server in config.virtual_servers:
        group = f"group {server.group} " if server.group is not None else ""
        words = [f"server {group}[{', '.join(map(target, server.targets))}]"]
        words += [word for word in (server.scheduler, server.method, server.protocol) if word]
        words += [f"persistent {server.persistence}"] if server.persistence else []
        words += [f"# {server.comment}"] if server.comment else []
        yield f"{server.place} {' '.join(words)}"
        for real in server.real_servers:
            yield f"{real.place}   {_real(real)}"
        if server.sorry:
            yield f"{server.sorry.place}   sorry {_real(server.sorry)}"
    yield from (f"{each.place} group {each.name}" for each in (config.groups or {}).values())
    if config.own_marks is not None:
        yield f"own marks from {config.own_marks}"
    yield from (f"{each.place} problem: {each.message}" for each in config.problems)


def _real(server: RealServer) -> str:
    port = f" port {server.port}" if server.port else ""
    return f"{server.address}{port}" + (f" {server.method}" if server.method else "")


def target(each: Target) -> str:
    if isinstance(each, Endpoint):
        last = "" if each.first == each.last else f"-{each.last}"
        return f"{each.first}{last}" + (f" {each.port}" if each.port else "")
    return f"mark {each.mark}" + (f" IPv{each.version}" if each.version else "")
