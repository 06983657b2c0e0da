"""ssh_config(5), read for the few keywords that matter here; Include, Host and Match as OpenSSH.

Own reader, because paramiko's knows no Include and looks up the DNS name of this machine for
every IdentityFile. ``Match exec`` runs nothing and never matches; a warning says so.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from inventory.errors import LvsfleetError
from tasks.connect.localuser import local_user
from tasks.connect.patterns import matches

_log = logging.getLogger("lvsfleet.ssh")

SINGLE = frozenset(
    [
        *("hostname", "port", "user", "hostkeyalias", "proxyjump", "proxycommand"),
        *("identitiesonly", "identityagent", "connecttimeout"),
    ]
)
SEVERAL = frozenset(["identityfile", "certificatefile"])
LISTS = frozenset(["userknownhostsfile", "globalknownhostsfile"])
_INCLUDE_DEPTH = 16  # READCONF_MAX_DEPTH in OpenSSH's readconf.c
_WORD = re.compile(r'"([^"]*)"|(\S+)')
_LINE = re.compile(r'\s*"?([A-Za-z]+)"?\s*(?:=|\s)\s*(.*?)\s*$')


Block = tuple[str, tuple[str, ...]]
"""A Host or Match line: the keyword and its place, and its words."""


@dataclass(frozen=True, slots=True)
class Line:
    """One setting, with the Host and Match lines that it stands under (all must match)."""

    blocks: tuple[Block, ...]
    keyword: str
    words: tuple[str, ...]
    rest: str


Found = dict[str, tuple[str, ...]]


def lookup(path: Path | None, host: str, *, user: str | None = None) -> Found:
    """What the file at ``path`` says about ``host``, keywords in lower case.

    A file that does not exist says nothing. The first value of a keyword wins, except that
    IdentityFile and CertificateFile add up.

    Args:
        path: the file, or None for none.
        host: as the operator wrote it.
        user: the login user if already known, for ``Match user``.

    Raises:
        LvsfleetError: the file cannot be read or understood.
    """
    if path is None:
        return {}
    found: Found = {}
    decided: dict[Block, bool] = {}
    for line in _lines(path.expanduser()):
        for block in line.blocks:
            # A block is judged once, when it is reached, by what is known then.
            if block not in decided:
                decided[block] = _applies(block, host=host, user=user, found=found)
        if not all(decided[block] for block in line.blocks):
            continue
        if line.keyword in SEVERAL:
            found[line.keyword] = (*found.get(line.keyword, ()), line.words[0])
        elif line.keyword == "proxycommand":
            found.setdefault(line.keyword, (line.rest,))
        elif line.keyword in LISTS:
            found.setdefault(line.keyword, line.words)
        else:
            found.setdefault(line.keyword, line.words[:1])
    return found


def expand(text: str, *, host: str, port: int, user: str, original: str) -> str:
    """Replace ``~`` and the tokens ``%h %p %r %n %u %d %%`` in a value."""
    tokens: dict[str, Callable[[], str]] = {
        "%%": lambda: "%",
        "%d": lambda: str(Path.home()),
        "%h": lambda: host,
        "%n": lambda: original,
        "%p": lambda: str(port),
        "%r": lambda: user,
        "%u": local_user,
    }
    text = re.sub("%.", lambda m: tokens.get(m.group(), m.group)(), text)
    return str(Path(text).expanduser()) if text.startswith("~") else text


@lru_cache(maxsize=64)
def _lines(path: Path) -> tuple[Line, ...]:
    return tuple(_read(path, (), 0))


def _read(path: Path, outer: tuple[Block, ...], depth: int) -> Iterator[Line]:
    if depth > _INCLUDE_DEPTH:
        raise LvsfleetError(f"{path}: Include is nested too deeply", "Does a file include itself?")
    blocks = outer
    for where, keyword, words, rest in _settings(path):
        if keyword in {"host", "match"}:
            # The place keeps two equal blocks apart: each is judged by what is known at its own.
            blocks = (*outer, (f"{keyword} {where}", words))
        elif keyword == "include":
            for included in _included(words):
                yield from _read(included, blocks, depth + 1)
        elif keyword in SINGLE or keyword in SEVERAL or keyword in LISTS:
            yield Line(blocks, keyword, words, rest)


def _settings(path: Path) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise LvsfleetError(
            f"{path} cannot be read: {error.strerror}",
            "Set `ssh_config_file: false` in connection_options.lvsfleet.extras to do without",
        ) from None
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        match = _LINE.match(raw)
        words = _words(match.group(2)) if match else ()
        if match is None or not words:
            raise LvsfleetError(f"{path}:{number}: {raw.strip()!r} has no value")
        yield f"{path}:{number}", match.group(1).lower(), words, match.group(2)


def _words(text: str) -> tuple[str, ...]:
    words = []
    for match in _WORD.finditer(text):
        if match.group(2) is not None and match.group(2).startswith("#"):
            break
        words.append(match.group(1) if match.group(1) is not None else match.group(2))
    return tuple(words)


def _included(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        path = Path(pattern).expanduser()
        if not path.is_absolute():
            path = Path("~/.ssh").expanduser() / path
        yield from sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


@cache
def _warn(text: str) -> None:
    _log.warning("%s", text)


def _applies(block: Block, *, host: str, user: str | None, found: Found) -> bool:
    kind, words = block
    if kind.startswith("host "):
        return matches(words, host)
    values = {
        "originalhost": lambda: host,
        "host": lambda: found.get("hostname", (host,))[0],
        "user": lambda: user or (found["user"][0] if "user" in found else local_user()),
        "localuser": local_user,
    }
    rest = list(words)
    while rest:
        word = rest.pop(0)
        wanted = not word.startswith("!")
        criterion = word.lstrip("!").lower()
        if criterion in {"all", "final"}:
            outcome = True
        elif criterion == "canonical":
            outcome = False
        elif criterion in values and rest:
            outcome = matches(tuple(rest.pop(0).split(",")), values[criterion]())
        else:
            _warn(f"{kind}: Match {criterion} is not supported, taken as no match")
            return False
        if outcome is not wanted:
            return False
    return True
