"""Writes the inventory of a lab: the files with which lvsfleet finds and judges its routers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lab.topology import Site, Topology

Document = dict[str, Any]


def documents(lab: Topology) -> dict[str, Document]:
    """The inventory as values, by file name; the format is Nornir's and DESIGN's."""
    state = lab.names.state
    return {
        "config.yaml": {
            "inventory": {"plugin": "lvsfleet"},
            "runner": {"plugin": "lvsfleet", "options": {"workers": 20}},
            "logging": {"enabled": False},
        },
        "defaults.yaml": {
            "username": "root",
            "connection_options": {
                "lvsfleet": {
                    "extras": {
                        "key_files": [str(state / "id_ed25519")],
                        "known_hosts_files": [str(state / "known_hosts")],
                        "agent": False,
                    }
                }
            },
        },
        "groups.yaml": {site.name: {"data": _data(site)} for site in lab.sites},
        "hosts.yaml": {
            router.name: {"hostname": str(router.management), "groups": [router.site.name]}
            for router in lab.routers
        },
    }


def write(lab: Topology, folder: Path) -> None:
    """Write the inventory's four files to a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents(lab).items():
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        (folder / name).write_text(text, encoding="utf-8")


def _data(site: Site) -> Document:
    zone = {"zone": "public"} if site.kind.backend == "firewalld" else {}
    return {
        "cluster": site.name,
        "backend": site.kind.backend,
        **zone,
        "services": {
            "web": {
                "vips": [str(vip) for vip in site.web],
                "ports": ["80/tcp", "443/tcp"],
                "mark": 80,
            },
            "ftp": {
                "vips": [str(site.ftp)],
                "ports": ["21/tcp", "10000-20000/tcp"],
                "mark": 21,
                "accept": True,
            },
            "dns": {
                "vips": [str(vip) for vip in site.dns],
                "ports": ["53/udp", "53/tcp"],
                "mark": 53,
                "accept": True,
            },
        },
        "vrrp": {"accept": True},
    }
