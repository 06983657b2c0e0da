"""A fleet under test: an inventory to edit, lvsfleet as a user runs it, the routers themselves."""

from __future__ import annotations

import copy
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from lab import describe
from lab.fleet import Lab
from lab.topology import Kind, Site

LVSFLEET = Path(sys.executable).with_name("lvsfleet")
SECONDS = 300.0
"""No command of these stories takes longer, on the busiest machine."""

_LOADED_SECONDS = 60.0
_LOGIN_SECONDS = 60.0
_CHANGE_SECONDS = 240.0

AT_ONCE = ("--now",)
"""Options of a rollout for stories of single routers, which need not wait for VRRP."""

CONTINUE = (*AT_ONCE, "--on-failure", "continue")
"""Options of a rollout in which several routers are to fail."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run of lvsfleet came to."""

    code: int
    stdout: str
    stderr: str

    def __repr__(self) -> str:
        """What pytest shows of it when a story goes another way."""
        try:
            routers = self.routers
        except ValueError:
            return f"exit {self.code}\n{self.stdout}{self.stderr}"
        told = [f"{name}: {each['status']} {each['error'] or ''}" for name, each in routers.items()]
        return "\n".join([f"exit {self.code}", *told, self.stderr])

    @property
    def routers(self) -> dict[str, dict[str, Any]]:
        return dict(json.loads(self.stdout)["routers"])

    @property
    def statuses(self) -> dict[str, str]:
        return {name: each["status"] for name, each in self.routers.items()}

    def changes(self, router: str, where: str | None = None) -> list[tuple[str, str]]:
        """Each change of one router as ``(op, rule)``."""
        return [
            (each["op"], each["rule"])
            for each in self.routers[router]["changes"]
            if where in (None, each["where"])
        ]

    def error(self, router: str) -> tuple[str, str]:
        """Kind and message; fails where there is none."""
        error = self.routers[router]["error"]
        assert error is not None, f"{router} has no error: {self.routers[router]}"
        return error["kind"], error["message"]


class Fleet:
    """The lab's routers, and an inventory of them that a story may edit.

    Attributes:
        lab: the lab.
        folder: of the inventory; written anew for each run.
        hosts, groups, defaults: what the inventory says.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        documents = copy.deepcopy(describe.documents(lab.topology))
        self.config = documents["config.yaml"]
        self.hosts: dict[str, Any] = documents["hosts.yaml"]
        self.groups: dict[str, Any] = documents["groups.yaml"]
        self.defaults: dict[str, Any] = documents["defaults.yaml"]
        self._patience: dict[str, str] = {}

    def patient(self) -> Self:
        """Wait long for each login, also with ``--now``, and for each change to be confirmed.

        On a busy machine the one may take many seconds, and the other more than a minute.
        """
        extras = self.defaults["connection_options"]["lvsfleet"]["extras"]
        extras["connect_timeout"] = _LOGIN_SECONDS
        self._patience = dict.fromkeys(("--confirm-timeout", "--timeout"), f"{_CHANGE_SECONDS:g}")
        return self

    @contextmanager
    def down(self, router: str) -> Iterator[None]:
        """Have a router down, and nobody wait long for it; it is up again with the block's end."""
        extras = self.defaults["connection_options"]["lvsfleet"]["extras"]
        patience = {"lvsfleet": {"extras": {**extras, "connect_timeout": 1}}}
        self.lab.stop(router)
        self.hosts[router]["connection_options"] = patience
        try:
            yield
        finally:
            del self.hosts[router]["connection_options"]
            self.lab.start(router)
            self.settle(router)

    def data(self, name: str) -> dict[str, Any]:
        """The data of a group, or of a router alone."""
        owner = self.groups[name] if name in self.groups else self.hosts[name]
        data: dict[str, Any] = owner.setdefault("data", {})
        return data

    def services(self, name: str) -> dict[str, Any]:
        """The services of a group, or those that a router has of its own."""
        services: dict[str, Any] = self.data(name).setdefault("services", {})
        return services

    def run(self, *arguments: str) -> Answer:
        """One command of lvsfleet on this inventory."""
        self.write_inventory()
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        environment = {**kept, "HOME": str(home), "LC_ALL": "C.UTF-8"}
        if arguments[0] in {"rollout", "rollback"}:
            unsaid = (each for each in self._patience.items() if each[0] not in arguments)
            arguments += tuple(itertools.chain.from_iterable(unsaid))
        done = subprocess.run(
            [LVSFLEET, *arguments, "--inventory", self.folder],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=environment,
            cwd=home,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """One command of lvsfleet while it runs; it is ended with the story."""
        self.write_inventory()
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
        argv = [LVSFLEET, *arguments, "--inventory", self.folder]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            argv, stdin=quiet, stdout=quiet, stderr=quiet, text=True, env=environment, cwd=home
        ) as running:
            try:
                yield running
            finally:
                running.kill()

    def rollout(self, *routers: str, options: Iterable[str] = AT_ONCE) -> Answer:
        """A rollout of some routers, or all; its report is JSON."""
        limit = ["--limit", ",".join(routers)] if routers else []
        return self.run("rollout", *limit, "--format", "json", *options)

    def sh(self, router: str, script: str, *, check: bool = True) -> str:
        """What a script prints that runs on a router, as root and not over SSH."""
        return self.lab.exec(router, ["/bin/sh", "-c", script], check=check).stdout

    def read(self, router: str, path: str) -> str:
        return self.lab.exec(router, ["cat", path]).stdout

    def write(self, router: str, path: str, text: str, mode: str = "644") -> None:
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        self.lab.exec(router, ["/bin/sh", "-c", script, "sh", path, mode], stdin=text)

    def program(self, router: str, name: str, script: str) -> None:
        """Put a program of our own before the router's: ``$real`` is the one it stands for."""
        real = self.sh(router, f"PATH=/usr/sbin:/usr/bin command -v {name}").strip()
        self.write(router, f"/usr/local/sbin/{name}", f"#!/bin/sh\nreal={real}\n{script}\n", "755")

    def state(self, router: str, *parts: str) -> dict[str, str]:
        """All that a change could touch, as the router says it; equal means untouched.

        Packet counters and the time of day are left out; inodes and times of files are not.
        ``snapshots`` is lvsfleet's own folder, which a refused change may leave something in.

        Args:
            router: its name.
            parts: what alone is wanted of it; firewalld's need more time than all others.
        """
        script = "".join([_INTO_STATE, *(_STATE[part] for part in parts or _STATE), "true\n"])
        told = self.sh(router, script).split("@@@ ")[1:]
        return {name: body for name, _, body in (each.partition("\n") for each in told)}

    def fresh(self, *routers: str) -> None:
        """Give routers a fresh disk, and wait until all is as it will stay."""
        self.lab.reset(*routers)
        self.settle(*routers)

    def reboot(self, *routers: str) -> None:
        self.lab.reboot(*routers)
        self.settle(*routers)

    def settle(self, *routers: str) -> None:
        """Wait for their clusters' single MASTER, and until firewalld has loaded its rules."""
        self.lab.settle(*{self.lab.router(name).site.name for name in routers})
        for name in routers:
            # systemd takes firewalld for started before it has; it answers when it has.
            if self.has_firewalld(name):
                wait_for_firewalld(self.lab, name)

    def has_firewalld(self, router: str) -> bool:
        """Whether it runs there."""
        return self.sh(router, "systemctl is-active firewalld", check=False).strip() == "active"

    def site(self, kind: Kind) -> Site:
        return next(site for site in self.lab.topology.sites if site.kind is kind)

    def write_inventory(self) -> None:
        """Write down what the inventory says now."""
        self.folder.mkdir(exist_ok=True)
        for name, document in (
            ("config", self.config),
            ("hosts", self.hosts),
            ("groups", self.groups),
            ("defaults", self.defaults),
        ):
            text = yaml.safe_dump(document, sort_keys=False)
            (self.folder / f"{name}.yaml").write_text(text)


def firewalld_answers(lab: Lab, router: str) -> bool:
    """Whether firewalld, as its daemon says, has loaded its rules; waits while it does so."""
    argv = ["busctl", "get-property", *_FIREWALLD.split(), _INTERFACE, "state"]
    return "RUNNING" in lab.exec(router, argv, check=False).stdout


def wait_for_firewalld(lab: Lab, router: str) -> None:
    """Wait until it has loaded its rules; fails when it does not."""
    deadline = time.monotonic() + _LOADED_SECONDS
    while not firewalld_answers(lab, router):
        assert time.monotonic() < deadline, f"{router}: firewalld has not loaded its rules"
        time.sleep(0.1)


def without(text: str, *ours: str) -> str:
    """A dump or a file without the lines that have one of these words in them."""
    return "".join(
        line for line in text.splitlines(keepends=True) if not any(word in line for word in ours)
    )


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    """What two states differ in: the lines of each part that only one of them has."""
    found: dict[str, list[str]] = {}
    for part in before.keys() | after.keys():
        was, now = before.get(part, "").splitlines(), after.get(part, "").splitlines()
        if was != now:
            found[part] = [f"- {line}" for line in was if line not in now]
            found[part] += [f"+ {line}" for line in now if line not in was]
    return found


_FIREWALLD = "org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1"
_INTERFACE = "org.fedoraproject.FirewallD1"
"""Asked over D-Bus where it can be: each firewall-cmd is Python that starts."""

_INTO_STATE = "export LC_ALL=C\n"
_STATE = {
    # Comments of iptables-save tell the time; brackets count packets.
    **{
        name: f"""
echo '@@@ {name}'
{name}-save 2>/dev/null | sed -e '/^#/d' -e 's/\\[[0-9]*:[0-9]*\\]$//'
"""
        for name in ("iptables", "ip6tables")
    },
    "nft": """
echo '@@@ nft'
nft --stateless list ruleset
""",
    "firewalld": f"""
if systemctl --quiet is-active firewalld; then
    echo '@@@ firewalld'
    firewall-cmd --list-all-zones
    echo '@@@ firewalld direct'
    busctl call {_FIREWALLD} {_INTERFACE}.direct getAllRules
    echo '@@@ firewalld ipsets'
    busctl call {_FIREWALLD} {_INTERFACE}.ipset getIPSets
fi
""",
    "units": """
echo '@@@ units'
systemctl show --property=Id,ActiveState,UnitFileState,InvocationID firewalld iptables \\
    ip6tables netfilter-persistent nftables keepalived
""",
    "files": """
echo '@@@ files'
find /etc -xdev -printf '%p %y %i %T@ %m %u %s %l\\n' | sort
""",
    "contents": """
echo '@@@ contents'
find /etc -xdev -type f -exec sha256sum {} + | sort -k 2
""",
    "snapshots": """
echo '@@@ snapshots'
find /var/lib/lvsfleet -xdev -printf '%p %y %i %T@ %m %u %s %l\\n' 2>/dev/null | sort
""",
    "locks": """
echo '@@@ locks'
find /run/lvsfleet* -xdev -printf '%p %l\\n' 2>/dev/null
""",
    # Who has taken a change back is there for a moment longer than its lock.
    "timers": """
n=0
while [ $n -lt 300 ] && [ "$(systemctl list-units --all --no-legend 'lvsfleet-2*.service')" ]; do
    n=$((n + 1))
    sleep 0.1
done
echo '@@@ timers'
systemctl list-timers --all --no-legend 'lvsfleet*'
systemctl list-units --all --no-legend 'lvsfleet*'
""",
}
"""By part, the script that prints it."""
