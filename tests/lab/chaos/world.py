"""Routers that go to and fro between two inventories, and whether they are wholly at one of them.

Each rollout goes from where a router is to the other inventory; it takes rules away and adds some.
What a router is, it says itself, by nsenter: nothing of lvsfleet is asked.
"""

from __future__ import annotations

import difflib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from xml.etree import ElementTree

from inventory.errors import LvsfleetError
from lab.fleet import Lab
from lab.network import answers_ssh
from lab.topology import Kind
from tests.lab.chaos import wires
from tests.lab.chaos.controller import Controller, wait_for
from tests.lab.rollout.fleet import Fleet, firewalld_answers

State = Mapping[str, str]
T = TypeVar("T")
R = TypeVar("R")

CONFIRM = 5
"""Seconds until a router takes a change back by itself: the fewest that there can be."""

PATIENT = ("--confirm-timeout", "90")
"""For rollouts that are to succeed, however busy the machine is."""

PATIENCE = 150.0
"""Seconds in which a router is left to itself: the timer and its tries, on a busy machine."""

LOCKED = 60.0
"""Seconds without SSH after which a router that is at rest is locked."""

OTHER = {"A": "B", "B": "A"}

SAVED = {
    Kind.IPTABLES_DEBIAN: ("/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
    Kind.IPTABLES_RHEL: ("/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"),
    Kind.FIREWALLD: ("/etc/firewalld/zones/public.xml",),
}


class Mixture(AssertionError):
    """A router is neither wholly old nor wholly new."""


@dataclass
class World:
    """The routers under fire.

    Attributes:
        lab: theirs.
        folder: for inventories and the controllers' homes.
        whole: by router and inventory, what a router is that is wholly there.
    """

    lab: Lab
    folder: Path
    whole: dict[str, dict[str, State]] = field(default_factory=dict)
    _fleets: dict[str, Fleet] = field(default_factory=dict)
    _begun: list[Controller] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        for name in OTHER:
            fleet = self._fleets[name] = Fleet(self.lab, self.folder / name / "inventory")
            fleet.folder.parent.mkdir(parents=True, exist_ok=True)
            for site in self.lab.topology.sites:
                services = fleet.services(site.name)
                if name == "A":
                    services["web"]["ports"] = ["80/tcp"]
                    del services["dns"]
                else:
                    del services["ftp"]
            fleet.write_inventory()

    @property
    def routers(self) -> tuple[str, ...]:
        return tuple(router.name for router in self.lab.topology.routers)

    def kind(self, router: str) -> Kind:
        return self.lab.router(router).site.kind

    def sh(self, router: str, script: str, *, check: bool = True) -> str:
        return self.lab.exec(router, ["/bin/sh", "-c", script], check=check).stdout

    def build(self) -> None:
        """Fresh routers with wires in their programs; what they are at each inventory is kept."""
        self.lab.reset(*self.routers)
        each(lambda router: wires.lay(self.lab, router), self.routers)
        self._fleets["A"].settle(*self.routers)
        for name in ("A", "B"):
            answer = self.rollout(name, self.routers, options=PATIENT).answer()
            assert answer.code == 0, answer
            for router in self.routers:
                self.whole.setdefault(router, {})[name] = self.look(router)
        for router in self.routers:
            self.calm(router)
            assert self.whole[router]["A"] != self.whole[router]["B"]

    def rollout(
        self,
        to: str,
        routers: Sequence[str],
        *,
        options: Iterable[str] = (),
        points: Mapping[str, str] | None = None,
        action: str = "",
        environment: Mapping[str, str] | None = None,
        hosts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Controller:
        """Start a rollout; see `Controller` for the points at which something happens to it.

        Args:
            to: which inventory.
            routers: which routers.
            options: more of them.
            points: by router, where the controller stops to have something done.
            action: what is done when all of them are there.
            environment: more of it.
            hosts: by router, what the inventory says of it besides.
        """
        home = self.folder / f"home{next(self._numbers)}"
        inventory = self._fleets[to].folder
        if hosts is not None:
            fleet = Fleet(self.lab, home / "inventory")
            fleet.groups = self._fleets[to].groups
            home.mkdir(parents=True, exist_ok=True)
            for router, more in hosts.items():
                fleet.hosts[router] |= more
            fleet.write_inventory()
            inventory = fleet.folder
        run = Controller(
            inventory,
            home,
            (
                "--limit",
                ",".join(routers),
                "--now",
                "--on-failure",
                "continue",
                "--confirm-timeout",
                str(CONFIRM),
                *options,
            ),
            points=points or {},
            action=action,
            environment=environment or {},
        )
        self._begun.append(run)
        return run

    def look(self, router: str) -> State:
        """What the router filters with, what it loads at boot, and what it knows to be ours."""
        paths = SAVED[self.kind(router)]
        script = _FIREWALLD if self.kind(router) is Kind.FIREWALLD else _IPTABLES
        parts = self.sh(router, script + _files(paths)).split("@@@ ")[1:]
        found = {name: body for name, _, body in (part.partition("\n") for part in parts)}
        for path in paths:
            if path.endswith(".xml"):
                found[path] = _elements(found[path])
        for name in ("owned", "nft", "rich"):
            if name in found:
                found[name] = "\n".join(sorted(found[name].splitlines()))
        return found

    def where(self, router: str) -> str:
        """Which inventory the router is wholly at.

        Raises:
            Mixture: neither; the message has what it differs in from the nearer one.
        """
        now = self.look(router)
        for name, state in self.whole[router].items():
            if now == state:
                return name
        raise Mixture(f"{router}:\n{self._difference(router, now)}")

    def runtime(self, router: str) -> str:
        """Which inventory the router filters by now, whatever it has saved; "" is none."""
        now = self.look(router)
        parts = [part for part in now if part in ("iptables", "ip6tables", "nft", "rich")]
        for name, state in self.whole[router].items():
            if all(now[part] == state[part] for part in parts):
                return name
        return ""

    def other(self, router: str) -> str:
        """The inventory that the router is not at."""
        return OTHER[self.where(router)]

    def together(self, *routers: str) -> tuple[str, str]:
        """Bring routers to one inventory, whichever; that, and the other one."""
        at = dict(zip(routers, each(self.rest, routers), strict=True))
        first = at[routers[0]]
        late = [router for router in routers if at[router] != first]
        if late:
            answer = self.rollout(first, late, options=PATIENT).answer()
            assert answer.code == 0, answer
        return first, OTHER[first]

    def _difference(self, router: str, now: State) -> str:
        texts = []
        for name, state in self.whole[router].items():
            lines = [f"--- from {name}"]
            for part in state.keys() | now.keys():
                was, is_ = state.get(part, "").splitlines(), now.get(part, "").splitlines()
                changes = [x for x in difflib.ndiff(was, is_) if x[0] in "+-"]
                lines += [f"{part}: {x}" for x in changes]
            texts.append(lines)
        return "\n".join(min(texts, key=len))

    def remains(self, router: str) -> dict[str, str]:
        """What a run left on the router that it should not: lock, timer, unit, half a file."""
        return _left(self._runs(router))

    def _runs(self, router: str) -> dict[str, str]:
        """The same, empty or not, and what there is of all runs so far: "past"."""
        parts = self.sh(router, _RUNS).split("@@@ ")[1:]
        return {name: body.strip() for name, _, body in (part.partition("\n") for part in parts)}

    def story(self, router: str) -> str:
        """What the router can tell of its last runs, for whoever asks how it came to this."""
        return self.sh(router, _STORY, check=False)

    def calm(self, router: str, *, within: float = PATIENCE) -> None:
        """Wait until nothing of a run waits on the router any more.

        Raises:
            AssertionError: something still does.
        """
        deadline = time.monotonic() + within
        while remains := self.remains(router):
            assert time.monotonic() < deadline, f"{router} after {within:.0f} s: {remains}"
            time.sleep(0.2)

    def rest(self, router: str, *, within: float = PATIENCE) -> str:
        """Which inventory a router is wholly at when nothing of a run waits on it any more.

        A script that was sent may not have begun at the first look, and a run may come in the
        middle of one: what was seen counts if no run moved meanwhile.

        Raises:
            Mixture: neither.
            AssertionError: something of a run still waits.
        """
        deadline = time.monotonic() + within
        while True:
            self.calm(router, within=deadline - time.monotonic())
            self.loaded(router)
            before = self._runs(router)
            mixture: Mixture | None = None
            try:
                found = self.where(router)
            except Mixture as error:
                mixture = error
            if not _left(before) and self._runs(router) == before:
                if mixture:
                    raise mixture
                return found
            assert time.monotonic() < deadline, f"runs come and go on {router}"

    def hasten(self, router: str) -> None:
        """Let the moment of a run's timer come now: systemd starts what it is to start then."""
        self.sh(
            router,
            """set -e
            timer=$(systemctl list-units --plain --no-legend 'lvsfleet-[0-9]*.timer')
            timer=${timer%% *}
            [ "$(systemctl is-active "$timer")" = active ]
            systemctl start "$(systemctl show -P Unit "$timer")"
            systemctl stop "$timer"
            """,
        )

    def check(
        self, *routers: str, allowed: Mapping[str, str] | None = None, reboot: bool = True
    ) -> dict[str, str]:
        """Everything that must hold after a fault, on all of these routers, and after a reboot.

        Args:
            routers: which.
            allowed: by router, the only inventory that it may be at.
            reboot: whether they are rebooted, too.

        Returns:
            Which inventory each is at.
        """
        found = dict(zip(routers, each(self.rest, routers), strict=True))
        for router, where in (allowed or {}).items():
            assert found[router] == where, f"{router} is at {found[router]}, not at {where}"
        for router in routers:
            self.reachable(router)
            wires.clear(self.lab, router)
        if reboot:
            self.reboot(*routers)
            again = dict(zip(routers, each(self.where, routers), strict=True))
            assert again == found
            for router in routers:
                assert self.remains(router) == {}
        return found

    def reachable(self, router: str) -> None:
        """Wait until sshd greets; this machine may just have given up ARP on a line that was cut.

        Raises:
            AssertionError: it does not: the router is locked.
        """
        address = self.lab.router(router).management
        try:
            wait_for(lambda: answers_ssh(address, 5), LOCKED, every=0.2)
        except AssertionError as error:
            raise AssertionError(f"{router}: no SSH: {error}") from None

    def reboot(self, *routers: str) -> None:
        """Cut their power, boot them, and wait until their filters are loaded."""
        self.lab.reboot(*routers)
        each(self.loaded, routers)

    def loaded(self, router: str) -> None:
        """Wait until firewalld has loaded its rules: systemd takes it for started before that."""
        if self.kind(router) is Kind.FIREWALLD:
            wait_for(lambda: firewalld_answers(self.lab, router), PATIENCE, every=0.2)

    def mended(self, *routers: str) -> None:
        """Bring routers that a failed test left in a mixture back to where the next can begin."""
        for run in self._begun:
            run.kill()
        self._begun.clear()
        broken = [router for router in routers if not self._sound(router)]
        if not broken:
            return
        self.lab.reset(*broken)
        each(lambda router: wires.lay(self.lab, router), broken)
        each(self.loaded, broken)
        for name in ("A", "B"):  # through both: a file may keep the table that an edit made
            answer = self.rollout(name, broken, options=PATIENT).answer()
            assert answer.code == 0, answer

    def _sound(self, router: str) -> bool:
        try:
            if not answers_ssh(self.lab.router(router).management, 5):
                return False
            self.where(router)
            return self.remains(router) == {} and "firewall-cmd" in self.sh(
                router, "rm -rf /var/trap; ls /usr/local/sbin"
            )
        except (AssertionError, LvsfleetError):
            return False


def each(do: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it to each, all at once; the first error is raised when all have ended."""
    with ThreadPoolExecutor(12) as pool:
        return list(pool.map(do, things))


def _left(runs: Mapping[str, str]) -> dict[str, str]:
    return {name: body for name, body in runs.items() if body and name != "past"}


def _elements(zone: str) -> str:
    """A zone file's elements, sorted: firewalld writes rules in an order of its own."""
    try:
        root = ElementTree.fromstring(zone)  # noqa: S314 - a file of the lab
    except ElementTree.ParseError as error:
        return f"broken: {error}\n{zone}"
    lines = [ElementTree.tostring(each, encoding="unicode") for each in root]
    return "\n".join(sorted("".join(line.split("\n")).replace("  ", "") for line in lines))


def _files(paths: Iterable[str]) -> str:
    return "".join(f"echo '@@@ {path}'; cat {path} 2>&1\n" for path in paths)


# The programs that the router really has, not those with wires in them. The chain TRY is made and
# taken away before anything begins; no rule leads there, and a death in between leaves it there.
_IPTABLES = r"""PATH=/usr/sbin:/usr/bin
for each in iptables ip6tables; do
    echo "@@@ $each"
    $each-save 2>/dev/null | sed -e '/^#/d' -e 's/ \[[0-9]*:[0-9]*\]$//' -e /LVSFLEET-TRY/d
done
"""

# What the kernel has, and what the daemon believes it has.
_FIREWALLD = r"""PATH=/usr/sbin:/usr/bin
echo '@@@ nft'
nft --stateless list ruleset
echo '@@@ rich'
busctl --json=short call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 \
    org.fedoraproject.FirewallD1.zone getRichRules s public | sed 's/","/\n/g; s/\["/\n/; s/"\]/\n/'
echo '@@@ owned'
cat /var/lib/lvsfleet/owned 2>&1
"""

_STORY = r"""cd /var/lib/lvsfleet/runs
for run in $(ls -d * | tail -n 2); do
    ls -l --time-style=full-iso "$run" "$run"/*/
    tail -n 99 "$run/report"
done
ls -l --time-style=full-iso /etc/firewalld/zones /etc/iptables /etc/sysconfig
journalctl -q -o short-precise -n 200
"""

# Half of a unit, without a link to it, does nothing, and the next run writes over it.
_RUNS = r"""PATH=/usr/sbin:/usr/bin
echo '@@@ lock'
readlink /run/lvsfleet.lock
echo '@@@ units'
ls /etc/systemd/system/*/*lvsfleet* 2>/dev/null
systemctl list-units --all --no-legend 'lvsfleet-[0-9]*'
echo '@@@ files'
find /etc -xdev -name '*.lvsfleet*' ! -name lvsfleet-recover.service.lvsfleet
echo '@@@ runs'
cd /var/lib/lvsfleet/runs 2>/dev/null || exit 0
ls -d */armed */claimed */reverting 2>/dev/null
echo '@@@ past'
ls -d */*
:
"""
