"""keepalived's configuration from what a router answered; see ``keepalived.sh``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from tasks.keepalived.config import Config
from tasks.keepalived.files import MAIN, Files
from tasks.keepalived.read import read
from tasks.sections import Section

_FILE = "keepalived:file:"


def config_of(sections: Mapping[str, Section]) -> Config | None:
    """The configuration; None where the router has none."""
    files = files_of(sections)
    return read(files) if files.texts else None


def files_of(sections: Mapping[str, Section]) -> Files:
    """The configuration's files."""
    texts = {
        name.removeprefix(_FILE): section.text
        for name, section in sections.items()
        if name.startswith(_FILE) and section.status == 0
    }
    empty = Section("", 0)
    words = sections.get("keepalived:words", empty).text.splitlines()
    node = sections.get("keepalived:node", empty).text.strip()
    main = sections.get("keepalived:main", empty).text or MAIN
    return Files(main, texts, config_id(words) or node.partition(".")[0])


def config_id(words: Iterable[str]) -> str:
    """What keepalived was told with ``-i``; empty where it goes by the node's name."""
    listed = [*words, ""]
    for word, following in pairwise(listed):
        if word in ("-i", "--config-id"):
            return following
        if word.startswith("--config-id="):
            return word.partition("=")[2]
        if word.startswith("-i") and len(word) > len("-i"):
            return word.removeprefix("-i")
    return ""
