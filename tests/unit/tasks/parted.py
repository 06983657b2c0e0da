"""What a plan has the router work by, where all of it is one part."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tasks.backends.protocol import Change


class _Files(dict[str, str]):
    def __missing__(self, path: str) -> str:
        return ""


def files_of(change: Change) -> Mapping[str, str]:
    """The only part's files, by their paths in its folder; one that is not there is empty."""
    parts = {path.partition("/")[0] for path in change.files if re.match(r"\d\d-", path)}
    assert len(parts) <= 1, parts
    return _Files(
        {
            path.removeprefix(f"{max(parts, default='')}/"): text
            for path, text in change.files.items()
        }
    )
