"""The cases of tests/cases/keepalived/editing, read; their format is in the README there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path

from tasks.errors import NotEditable
from tasks.keepalived.editing import FileEdit, add, mentions, remove
from tasks.keepalived.files import Files
from tests.unit.tasks.cases import CASES

FOLDER = CASES / "keepalived" / "editing"


@dataclass(frozen=True)
class Edit:
    """One edit of a case, and what comes of it."""

    source: Path
    title: str
    files: Files
    words: tuple[str, ...] = field(repr=False)
    comes: str = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.title}: {' '.join(self.words)}"

    @property
    def new(self) -> str:
        """The address that it is about."""
        return self.words[1]

    def made(self, files: Files | None = None) -> tuple[FileEdit, ...]:
        """What the code under test makes of it; of other files, where they are given."""
        match self.words:
            case ("add", new, "like", like):
                return add(files or self.files, ip_address(new), ip_address(like))
            case ("remove", old):
                return remove(files or self.files, ip_address(old))
        raise ValueError(self.words)

    def told(self) -> str:
        """That, in the words of the cases."""
        if self.words[0] == "mentions":
            found = mentions(self.files, ip_address(self.new))
            return "".join(f"{each}\n" for each in found) or "nothing\n"
        try:
            made = self.made()
        except NotEditable as error:
            return f"{type(error).__name__}: {error.message}\n"
        return "".join(f"{line}\n" for each in made for line in each.diff()) or "nothing\n"


def after(files: Files, made: tuple[FileEdit, ...]) -> Files:
    """The files with the edits made."""
    return replace(files, texts={**files.texts, **{each.path: each.after for each in made}})


def edits() -> list[Edit]:
    return list(_edits())


def _edits() -> Iterator[Edit]:
    for source in sorted(FOLDER.glob("*.txt")):
        for block in re.split(r"^=== ", source.read_text(), flags=re.MULTILINE)[1:]:
            title, _, rest = block.partition("\n")
            # A diff's own "--- PATH" is followed by "+++ PATH".
            parts = re.split(r"^--- (.+)\n(?!\+\+\+ )", rest, flags=re.MULTILINE)
            said = list(zip(parts[1::2], parts[2::2], strict=True))
            texts = {head: text for head, text in said if head.startswith("/")}
            # What is included has no line end, so that this is met as well.
            texts = {
                path: text if path.endswith(".conf") else text[:-1] for path, text in texts.items()
            }
            config_id = next((text.strip() for head, text in said if head == "id"), "lb1")
            files = Files(next(iter(texts)), texts, config_id)
            for head, text in said:
                if not head.startswith("/") and head != "id":
                    yield Edit(source, title, files, tuple(head.split()), text)
