"""Nornir's config.yaml: read, checked, its paths made absolute, its logging turned off."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inventory import yamlfile
from inventory.problems import (
    Finding,
    InventoryProblems,
    Kind,
    Owner,
    Problem,
    did_you_mean,
    one_of,
    quote,
    step,
)
from inventory.sources import FILE_PLUGINS, FILES, Sources

CONFIG_FILE = "config.yaml"
SECTIONS: Mapping[str, Mapping[str, type]] = {
    "inventory": {
        "plugin": str,
        "options": dict,
        "transform_function": str,
        "transform_function_options": dict,
    },
    "runner": {"plugin": str, "options": dict},
    "ssh": {"config_file": str},
    "core": {"raise_on_error": bool},
    "logging": {
        "enabled": bool,
        "level": str,
        "log_file": str,
        "format": str,
        "to_console": bool,
        "loggers": list,
    },
    "user_defined": {},
}
"""Nornir's configuration: its sections, and what each holds."""

_TYPES = {str: "text", dict: "a mapping", bool: "true or false", list: "a list"}


def read_config(home: Path) -> dict[str, dict[str, Any]]:
    """The sections for Nornir's ``Config.from_dict``.

    What the file does not say is taken from Nornir's environment variables, then from lvsfleet's
    defaults: inventory plugin and runner ``lvsfleet``. Nornir's logging is off whatever the file
    says: it writes task arguments, secrets included, to nornir.log.

    Args:
        home: the inventory's folder; paths in the file are relative to it.

    Raises:
        InventoryProblems: everything that is wrong with the file.
    """
    file = home / CONFIG_FILE
    document = yamlfile.read(file) if file.exists() else yamlfile.Document()
    if document.faults:
        raise InventoryProblems(
            Problem(CONFIG_FILE, fault.line, "", "", "", fault.message, fault.column)
            for fault in document.faults
        )
    findings = _check(document.value)
    if findings:
        sources = Sources("", {Kind.CONFIG: file}, {file: document})
        raise InventoryProblems(sources.problems(findings))
    sections = {name: dict(said or {}) for name, said in (document.value or {}).items()}
    _inventory(sections.setdefault("inventory", {}), home)
    runner = sections.setdefault("runner", {})
    runner["plugin"] = _said(runner, "plugin", "NORNIR_RUNNER_PLUGIN", "lvsfleet")
    ssh = sections.setdefault("ssh", {})
    if ssh.get("config_file"):
        ssh["config_file"] = _absolute(home, ssh["config_file"])
    sections["logging"] = {"enabled": False}
    return sections


def _inventory(section: dict[str, Any], home: Path) -> None:
    plugin = _said(section, "plugin", "NORNIR_INVENTORY_PLUGIN", "lvsfleet")
    options = dict(section.get("options") or {})
    if plugin in FILE_PLUGINS:
        for option, name in FILES.values():
            options[option] = _absolute(home, str(options.get(option) or name))
    section |= {"plugin": plugin, "options": options}


def _said(section: Mapping[str, Any], key: str, variable: str, default: str) -> str:
    return str(section.get(key) or os.environ.get(variable) or default)


def _absolute(home: Path, path: str) -> str:
    return str(home.absolute() / Path(path).expanduser())


def _check(value: Any) -> list[Finding]:
    owner = Owner(Kind.CONFIG)
    if value is None:
        return []
    if not isinstance(value, dict):
        return [Finding(owner, (), quote(value), f"is no mapping: write {one_of(SECTIONS)}")]
    found: list[Finding] = []
    for name, section in value.items():
        known = SECTIONS.get(name) if isinstance(name, str) else None
        if known is None:
            near = did_you_mean(name, SECTIONS) or f"known are {one_of(SECTIONS, 'and')}"
            found.append(Finding(owner, (step(name),), "", f"is no section: {near}"))
        elif section is not None and not isinstance(section, dict):
            found.append(Finding(owner, (name,), quote(section), "is no mapping"))
        elif known:
            found += _check_section(owner, name, section or {}, known)
    return found


def _check_section(
    owner: Owner, name: str, section: Mapping[Any, Any], known: Mapping[str, type]
) -> list[Finding]:
    found = []
    for key, value in section.items():
        if key not in known:
            near = did_you_mean(key, known) or f"{name} has {one_of(known, 'and')}"
            found.append(Finding(owner, (name, step(key)), "", f"is no key of {name}: {near}"))
        elif value is not None and not isinstance(value, known[key]):
            message = f"is not {_TYPES[known[key]]}"
            found.append(Finding(owner, (name, key), quote(value), message))
    return found
