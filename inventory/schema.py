"""JSON Schemas of the inventory's files, so that editors complete and check while one types.

The committed files in ``inventory/schemas/`` are these, as text; a YAML file names its own with
``# yaml-language-server: $schema=…``. What a schema cannot see (inheritance, other routers) is
told by ``lvsfleet inventory check``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inventory.config import SECTIONS
from inventory.desired import Backend, Draining, Foreign
from inventory.element import FREE_PREFIX, Connection
from inventory.errors import LvsfleetError
from inventory.rules import MAX_MARK, MAX_PORT, Protocol
from inventory.schema_extras import EXTRAS

Schema = dict[str, Any]

FOLDER = Path(__file__).parent / "schemas"
KINDS = ("hosts", "groups", "defaults", "config")

# Draft 7 is the newest that the YAML language server knows whole.
_DIALECT = "http://json-schema.org/draft-07/schema#"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
_ROUTER = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,252}$"
_ZONE = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,16}$"
_TYPES = {str: "string", dict: "object", bool: "boolean", list: "array"}


def schema(kind: str) -> Schema:
    """The JSON Schema (draft 7) of one file of an inventory.

    Args:
        kind: one of `KINDS`.

    Raises:
        LvsfleetError: there is no such file.
    """
    match kind:
        case "hosts":
            body = _table(_ROUTER, "host", "A router, by its name.")
        case "groups":
            body = _table(_NAME, "group", "Routers that have something in common, by its name.")
        case "defaults":
            body = _ref("defaults")
        case "config":
            return {"$schema": _DIALECT, "title": "lvsfleet: config.yaml", **_config()}
        case _:
            raise LvsfleetError(f"there is no schema {kind!r}", f"Choose {', '.join(KINDS)}")
    title = f"lvsfleet: {kind}.yaml"
    return {"$schema": _DIALECT, "title": title, **body, "definitions": _definitions()}


def schema_text(kind: str) -> str:
    """The same as text, as it is committed."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def _object(properties: Schema, description: str, **more: Any) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def _nullable(body: Schema) -> Schema:
    if "enum" in body:
        return {**body, "enum": [*body["enum"], None]}
    return {**body, "type": [body["type"], "null"]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _table(names: str, entry: str, description: str) -> Schema:
    return {
        "type": ["object", "null"],
        "description": description,
        "propertyNames": {"pattern": names},
        "additionalProperties": _ref(entry),
    }


def _definitions() -> Schema:
    login = _login()
    groups: Schema = {
        "type": ["array", "null"],
        "description": "What it inherits from, the nearest first.",
        "items": {"type": "string", "pattern": _NAME},
        "uniqueItems": True,
    }
    connections: Schema = {
        "type": ["object", "null"],
        "description": "By connection plugin: lvsfleet (SSH by paramiko), lvsfleet-netmiko.",
        "properties": {name: _ref("own_connection") for name in ("lvsfleet", "lvsfleet-netmiko")},
        "additionalProperties": _ref("connection"),
    }
    shared = {**login, "data": _ref("data"), "connection_options": connections}
    extras = {"type": ["object", "null"], "description": "What only this plugin knows."}
    # Each may be null: an entry that says nothing, a service taken away.
    entries = {
        "host": _object({**shared, "groups": groups}, "A router."),
        "group": _object({**shared, "groups": groups}, "What the routers of a group share."),
        "defaults": _object(shared, "What holds where neither host nor group says otherwise."),
        "connection": _object({**login, "extras": extras}, "How this plugin connects."),
        "own_connection": _object({**login, "extras": _nullable(EXTRAS)}, "How lvsfleet connects."),
        "data": _data(),
        "service": _service(),
        "waiver": _waiver(),
    }
    return {name: _nullable(body) for name, body in entries.items()}


def _login() -> Schema:
    text = ["string", "null"]
    return {
        "hostname": {
            "type": text,
            "pattern": "^[A-Za-z0-9_:][A-Za-z0-9_.:%-]*$",
            "maxLength": 253,
            "description": "Where its sshd listens: a name or an address, never a VIP. Without it, "
            "the router's name.",
        },
        "port": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MAX_PORT,
            "description": "Where its sshd listens; 22 if not given.",
        },
        "username": {
            "type": text,
            "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}$",
            "description": "Whom to log in as: root, or one who may sudo without a password.",
        },
        "password": {
            "type": text,
            "minLength": 1,
            "description": "Better a key, or the prompt: this file is read by many.",
        },
        "platform": {"type": text, "pattern": _NAME, "description": "For other Nornir tools."},
    }


def _data() -> Schema:
    backends, connections = [b.value for b in Backend], [c.value for c in Connection]
    boolean: Schema = {"type": "boolean"}
    vrrp = _object(
        {
            "accept": boolean | {"description": "Let VRRP in, IPv4 and IPv6."},
            "ah": boolean | {"description": "Also IP protocol 51, for auth_type AH."},
        },
        "The way in for the routers' own protocol; without it both become MASTER.",
        dependencies={"ah": ["accept"]},
    )
    services: Schema = {
        "type": ["object", "null"],
        "description": "By name. Merged along host, groups, defaults; the nearest wins as a whole; "
        "null takes one away.",
        "propertyNames": {"pattern": _NAME, "not": {"const": "vrrp"}},
        "additionalProperties": _ref("service"),
    }
    properties = {
        "cluster": {
            "type": ["string", "null"],
            "pattern": _NAME,
            "description": "Routers of one cluster share VIPs by VRRP and have the same services.",
        },
        "backend": _nullable(
            {"enum": backends, "description": "Whose rules are kept; auto asks the router."}
        ),
        "zone": {
            "type": ["string", "null"],
            "pattern": _ZONE,
            "description": "firewalld's zone; without it the router's default zone.",
        },
        "policy": {
            "type": ["string", "null"],
            "pattern": _ZONE,
            "description": "firewalld's policy that has the rules instead of a zone, so that they "
            "hold in every zone; made where it is missing. firewalld 0.9 or newer.",
        },
        "start": _nullable(
            boolean | {"description": "Start and enable firewalld where it does not run."}
        ),
        "foreign": _nullable(
            {
                "enum": [each.value for each in Foreign],
                "description": "What becomes of mark rules that are not lvsfleet's: they stay "
                "(without this too), stop the router's change, or are removed.",
            }
        ),
        "services": services,
        "vrrp": _nullable(vrrp),
        "connection": _nullable(
            {
                "enum": connections,
                "description": "The library for SSH; netmiko for boxes that offer only a shell.",
            }
        ),
        "waivers": {
            "type": ["array", "null"],
            "description": "Findings of `lvsfleet compliance` that are lived with. Those of host, "
            "groups and defaults add up.",
            "items": _ref("waiver"),
        },
    }
    free: Schema = {f"^{FREE_PREFIX}": {"description": "Your own; lvsfleet leaves it alone."}}
    without_zones = [Backend.IPTABLES.value, Backend.NFTABLES.value]
    nowhere: Schema = {"type": "null"}
    rules = {
        "if": {"required": ["backend"], "properties": {"backend": {"enum": without_zones}}},
        "then": {
            "properties": {"zone": nowhere, "policy": nowhere, "start": {"enum": [False, None]}}
        },
        "dependencies": {
            "policy": {"anyOf": [{"properties": {key: nowhere}} for key in ("policy", "zone")]}
        },
    }
    return _object(properties, "What the router should be.", patternProperties=free, **rules)


def _service() -> Schema:
    protocols = "|".join(protocol.value for protocol in Protocol)
    v4 = rf"^({_OCTET}\.){{3}}{_OCTET}$"
    unusable = r"^(0\.0\.0\.0|127\..*|(22[4-9]|23[0-9])\..*|255\.255\.255\.255|::1?|[fF]{2}.*:.*)$"
    vip = {
        "type": "string",
        "anyOf": [{"pattern": v4}, {"pattern": "^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$"}],
        "not": {"pattern": unusable},
        "description": "An address without a prefix; quote IPv6.",
    }
    ports = {"type": "string", "pattern": f"^{_PORT}(-{_PORT})?/({protocols})$"}
    listed: Schema = {"type": "array", "minItems": 1, "uniqueItems": True}
    properties = {
        "vips": {**listed, "items": vip, "description": "Virtual addresses, IPv4 and IPv6."},
        "ports": {**listed, "items": ports, "description": "80/tcp, 53/udp, 10000-20000/tcp."},
        "mark": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_MARK,
            "description": "The firewall mark of keepalived's virtual_server fwmark.",
        },
        "accept": {
            "type": ["boolean", "null"],
            "default": False,
            "description": "Also let the ports in; false leaves that to the site's own rules.",
        },
    }
    properties["draining"] = {
        "type": ["object", "null"],
        "description": "VIPs whose new connections are not scheduled any more, and what becomes of "
        "those: pass leaves them to the router's own rules. Those that exist live on.",
        "propertyNames": {name: vip[name] for name in ("anyOf", "not")},
        "additionalProperties": {"enum": [each.value for each in Draining]},
    }
    required = ["vips", "ports", "mark"]
    return _object(properties, "VIPs and ports balanced as one, by one mark.", required=required)


def _waiver() -> Schema:
    properties = {
        "id": {
            "type": "string",
            "pattern": "^LVS[0-9]{3}$",
            "description": "The check, e.g. LVS038.",
        },
        "service": {
            "type": ["string", "null"],
            "pattern": _NAME,
            "description": "The service that it is for; without it the whole router.",
        },
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": 300,
            "description": "Why it is lived with.",
        },
        "until": {
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "description": "The last day on which it holds, e.g. 2027-01-31.",
        },
    }
    return _object(properties, "A finding that does not count.", required=["id", "reason", "until"])


def _config() -> Schema:
    sections = {
        name: _nullable(
            _object(
                {key: {"type": [_TYPES[typ], "null"]} for key, typ in keys.items()},
                f"Nornir's section {name}.",
            )
            if keys
            else {"type": "object"}
        )
        for name, keys in SECTIONS.items()
    }
    return _nullable(_object(sections, "Nornir's configuration."))
