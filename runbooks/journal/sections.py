"""What a router answered, as the journal keeps it: without the passwords of keepalived."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tasks.sections import Section

# keepalived.conf(5): "auth_pass 1234", the password of a VRRP instance, quoted or not.
_PASSWORD = re.compile(r"(?m)(?<![\w-])(auth_pass[ \t]+)(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s#!]+)")
_LEFT_OUT = "(not kept)"
_KEPT = re.compile(rf"(?<![\w-])auth_pass[ \t]+{re.escape(_LEFT_OUT)}")


def to_json(sections: Mapping[str, Section]) -> bytes:
    """One object; lone surrogates (bytes that were no UTF-8) are written as escapes."""
    kept = {
        name: {"status": each.status, "text": without_passwords(each.text)}
        for name, each in sections.items()
    }
    return f"{json.dumps(kept, indent=1)}\n".encode()


def without_passwords(text: str) -> str:
    """``text`` as it is kept."""
    return _PASSWORD.sub(rf"\1{_LEFT_OUT}", text)


def with_passwords(kept: str, text: str) -> str | None:
    """What was kept, with the passwords of ``text`` in their order; None if not as many."""
    passwords = [match[0] for match in _PASSWORD.finditer(text)]
    if len(_KEPT.findall(kept)) != len(passwords):
        return None
    listed = iter(passwords)
    return _KEPT.sub(lambda _: next(listed), kept)


def from_json(data: bytes) -> dict[str, Section]:
    """What `to_json` wrote.

    Raises:
        ValueError: it is something else.
    """
    kept = json.loads(data)
    if not isinstance(kept, dict):
        raise ValueError("no object")  # noqa: TRY004 - one error for every way to be wrong
    sections: dict[str, Section] = {}
    for name, each in kept.items():
        match each:
            case {"status": int(status), "text": str(text)}:
                sections[name] = Section(text, status)
            case _:
                raise ValueError(f"no section: {name!r}")
    return sections
