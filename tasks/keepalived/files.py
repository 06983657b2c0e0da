"""The files of a keepalived configuration, and which of them an ``include`` means; no I/O."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

MAIN = "/etc/keepalived/keepalived.conf"
"""Where keepalived looks without ``-f``."""

_MOST_BRACES = 256
"""Names that one pattern's braces may stand for."""


@dataclass(frozen=True, slots=True)
class Files:
    """Everything that was read of one configuration.

    Attributes:
        main: the path of the first file.
        texts: by path, the main one among them.
        config_id: what ``@ID`` lines are compared with.
    """

    main: str
    texts: Mapping[str, str]
    config_id: str = ""

    def included(self, pattern: str, folder: str) -> list[str]:
        """The files that an include means, in the order in which keepalived opens them.

        Args:
            pattern: what stands behind ``include``; with wildcards and csh's braces.
            folder: of the file in which it stands.
        """
        found: list[str] = []
        for each in _unbraced(pattern):
            whole = posixpath.normpath(posixpath.join(folder, each))
            glob = _glob(whole)
            names = sorted(path for path in self.texts if glob.fullmatch(path))
            found += (name for name in names if name not in found)
        return found


def has_wildcard(pattern: str) -> bool:
    """Whether a pattern may well mean no file at all."""
    return any(character in pattern for character in "*?[{")


def _unbraced(pattern: str) -> list[str]:
    """``{a,b}c`` is ``ac`` and ``bc``, as in csh; the innermost are done first."""
    done: list[str] = []
    todo = [pattern]
    while todo and len(done) + len(todo) <= _MOST_BRACES:
        text = todo.pop(0)
        match = re.search(r"\{([^{}]*)\}", text)
        if match is None:
            done.append(text)
            continue
        parts = match[1].split(",")
        todo = [text[: match.start()] + part + text[match.end() :] for part in parts] + todo
    return done


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_pieces(pattern)), re.DOTALL)


def _pieces(pattern: str) -> Iterator[str]:
    """glob(7) as a regular expression: no wildcard means a slash, nor a leading dot."""
    at = 0
    while at < len(pattern):
        character = pattern[at]
        begins = "" if at and pattern[at - 1] != "/" else r"(?!\.)"
        at += 1
        if character == "*":
            yield begins + "[^/]*"
        elif character == "?":
            yield begins + "[^/]"
        elif character == "[" and (end := pattern.find("]", at + 1)) > 0:
            inside = pattern[at:end].replace("\\", "\\\\").replace("[", "\\[")
            inside = re.sub(r"([&|~-])(?=\1)", r"\\\1", inside)
            inside = "^" + inside[1:] if inside.startswith(("!", "^")) else inside
            try:
                re.compile(f"[{inside}]")
            except re.error:
                yield re.escape(pattern[at - 1 : end + 1])
            else:
                yield f"{begins}(?!/)[{inside}]"
            at = end + 1
        else:
            yield re.escape(character)
