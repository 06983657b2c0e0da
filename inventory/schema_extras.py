"""The JSON Schema of ``extras``: what lvsfleet's own connection plugins take.

`tasks.connect.options` reads them; a test holds the two together.
"""

from __future__ import annotations

from typing import Any

_PATH: dict[str, Any] = {"type": "string", "minLength": 1}
_PATHS: dict[str, Any] = {"type": ["string", "array", "null"], "minLength": 1, "items": _PATH}

EXTRAS: dict[str, Any] = {
    "type": "object",
    "description": "What only lvsfleet's plugins know.",
    "properties": {
        "key_files": _PATHS | {"description": "Private keys to offer, in this order."},
        "certificate_files": {**_PATHS, "type": ["string", "array"]}
        | {"description": "Certificates to offer with them."},
        "known_hosts_files": _PATHS
        | {"description": "The only files that host keys are looked up in."},
        "agent": {
            "type": ["boolean", "null"],
            "description": "Whether keys of the SSH agent are offered.",
        },
        "ssh_config_file": {
            "type": ["string", "boolean", "null"],
            "minLength": 1,
            "description": "The ssh_config to read; false reads none.",
        },
        "proxy_jump": {
            "type": ["string", "array", "boolean", "null"],
            "minLength": 1,
            "items": _PATH,
            "not": {"const": True},
            "description": "Jump hosts as [user@]host[:port], the nearest to us first; false "
            "for none.",
        },
        "connect_timeout": {
            "type": ["number", "null"],
            "exclusiveMinimum": 0,
            "description": "Seconds until logged in, jump hosts included.",
        },
        "sudo": {
            "enum": ["auto", "always", "never", "reader"],
            "description": "auto goes through sudo unless one logs in as root; reader is for an "
            "account that may only read.",
        },
    },
    "additionalProperties": False,
}
