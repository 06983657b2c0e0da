"""The cases of tests/cases/inventory, read; their format is in the README there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CASES = Path(__file__).parent / "cases" / "inventory"
BASE = {
    "hosts.yaml": (
        "ams1: {hostname: 198.18.0.11, groups: [ams]}\n"
        "ams2: {hostname: 198.18.0.12, groups: [ams]}\n"
    ),
    "groups.yaml": (
        "ams: {data: {cluster: ams, services: "
        "{web: {vips: [203.0.113.10], ports: [80/tcp], mark: 80}}}}\n"
    ),
}


@dataclass
class Case:
    file: Path
    title: str
    files: dict[str, str]
    wanted_of: str
    wanted: str

    def write(self, into: Path) -> Path:
        for name, text in {**BASE, **self.files}.items():
            (into / name).parent.mkdir(exist_ok=True)
            (into / name).write_text(text)
        return into


def read_cases(folder: str) -> Iterator[Case]:
    for file in sorted((CASES / folder).glob("*.txt")):
        for block in re.split(r"^=== ", file.read_text(), flags=re.MULTILINE)[1:]:
            title, rest = block.split("\n", 1)
            # A bare "---" is YAML's own.
            parts = re.split(r"^--- (.+)\n", rest, flags=re.MULTILINE)
            files = dict(zip(parts[1:-2:2], parts[2:-2:2], strict=True))
            yield Case(file, title, files, parts[-2], parts[-1].strip("\n"))


def ids(cases: list[Case]) -> list[str]:
    return [f"{case.file.stem}: {case.title}" for case in cases]
