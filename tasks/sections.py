"""Framed answers: what a script printed, cut into its named sections.

A script frames each section with a nonce that was made for this one exchange, so neither a login
banner nor a firewall rule's comment can pass for a frame.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.errors import NotUnderstood


@dataclass(frozen=True, slots=True)
class Section:
    """One command's output.

    Attributes:
        text: its bytes, decoded as they came (``surrogateescape``).
        status: its exit status.
    """

    text: str
    status: int


def new_nonce() -> str:
    """A word that nobody can have written on the router before."""
    return secrets.token_hex(8)


def split(stdout: str, nonce: str) -> dict[str, Section]:
    """Cut ``stdout`` at its frames.

    Raises:
        NotUnderstood: a section has no end: the answer was cut off.
    """
    frame = re.compile(
        rf"^@@{nonce}< (?P<name>.*)\n(?P<text>(?:.*\n)*?)@@{nonce}> (?P=name) (?P<status>\d+)$",
        re.MULTILINE,
    )
    sections: dict[str, Section] = {}
    end = 0
    for match in frame.finditer(stdout):
        # The script puts a line end before each frame, which is not the command's.
        sections[match["name"]] = Section(match["text"][:-1], int(match["status"]))
        end = match.end()
    if f"@@{nonce}< " in stdout[end:]:
        name = stdout[end:].split(f"@@{nonce}< ", 1)[1].split("\n", 1)[0]
        raise NotUnderstood(
            f"the router's answer was cut off in {name!r}", "Run it again; -v shows the answer"
        )
    return sections


def failure(sections: Mapping[str, Section]) -> tuple[str, str] | None:
    """The kind and the words of a step's own ``fail``, if it said one."""
    for name, section in sections.items():
        if name.startswith("fail:"):
            return name.removeprefix("fail:"), section.text.strip()
    return None


def files(nonce: str, contents: Mapping[str, str]) -> str:
    """What ``begin`` cuts into files on the router: each behind a frame with its path.

    Every text but an empty one ends with a line end, as all files here do.
    """
    parts = [f"@@{nonce} {path}\n{text}" for path, text in contents.items()]
    return "".join(parts) + f"@@{nonce} end\n"
