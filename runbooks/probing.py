"""The probe: what is sent to a new VIP is seen on its MASTER, marked, before the old one goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event

from inventory.desired import Service
from inventory.errors import LvsfleetError
from inventory.rules import Address, Protocol
from runbooks.engine import Fleet
from tasks.checks.catalog.vip import LVS070
from tasks.errors import NotReady, NotServed, RouterError
from tasks.knock import Knocking, Word
from tasks.look import Look
from tasks.outcome import Finding, Outcome
from tasks.probe import Count, Sight, knock, watch
from tasks.reach import shell_of
from tasks.shell import Shell
from tasks.standing import Standing

_STEPS = 1
"""Fifths of a second: what is sent from here is sent all that time, however far the router is."""

_STEPS_OF_HOST = 10
_TIMES = 5
_LOOKS = 2
"""How often a router is looked at for two seconds before nothing has come: one may be busy."""

_ANSWER = 1.0
"""Seconds for a real server's answer, which may be further away than the router."""

_LEAVE_OUT = "--no-probe goes on without"

Heard = Mapping[int, Word]
"""By port what became of a connection."""


@dataclass
class Probe:
    """Sends to the new VIP and sees what comes of it.

    Attributes:
        fleet: what runs on the routers.
        new: the VIP.
        like: one of the service's that is served already; None where there is none.
        service: what is sent to: each port of TCP, of a range the first.
        source: a host of the inventory that sends; None is this machine.
        standings: how the routers stood when the VIP was last seen to be held.
        findings: what came of it, by router.
    """

    fleet: Fleet
    new: Address
    like: Address | None
    service: Service
    source: str | None = None
    standings: Mapping[str, Standing] = field(default_factory=dict)
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)

    @property
    def ports(self) -> tuple[int, ...]:
        """What is sent to."""
        tcp = (each.ports.first for each in self.service.ports if each.protocol is Protocol.TCP)
        return tuple(dict.fromkeys(tcp))

    def checked(self, looks: Mapping[str, Look | Outcome]) -> dict[str, Look | Outcome]:
        """The looks, each with an error where the source could not send."""
        error = self._trouble(looks) if self.source is not None and self.ports else None
        return {
            name: replace(each, error=each.error or error) if isinstance(each, Look) else each
            for name, each in looks.items()
        }

    def _trouble(self, looks: Mapping[str, Look | Outcome]) -> RouterError | None:
        name = self.source or ""
        seen = looks.get(name)
        if isinstance(seen, Look) and seen.observed and self.like in seen.observed.addresses:
            return NotReady(
                f"--probe-from {name}: it has {self.like}, so what it sends does not leave it",
                "Name a host that is not the MASTER",
            )
        try:
            knock(self._shell(name), self.new, (), times=0, deadline=self.fleet.options.timeout)
        except LvsfleetError as error:
            return NotReady(f"--probe-from {name}: {error.message}", error.hint)
        return None

    def __call__(self) -> None:
        """Do it.

        Raises:
            RouterError: it is not marked, or not answered, or could not be seen where it must be.
        """
        holder = next((n for n, each in self.standings.items() if self.new in each.addresses), "")
        if not self.ports:
            told = [(f"{self.new} was not probed: {self.service.name} has no port of TCP", "")]
        elif self.source is None:
            told = self._from_here(holder)
        else:
            told = self._from(self.source, holder)
        self.findings[holder] = tuple(
            LVS070.finding(said, hint, service=self.service.name) for said, hint in told
        )

    def _from_here(self, holder: str) -> list[tuple[str, str]]:
        targets = [(self.new, port) for port in self.ports]
        beside = [(self.like, port) for port in self.ports if self.like is not None]
        with Knocking([*targets, *beside]) as knocking:
            if not knocking.has_way:
                return [
                    (f"{self.new} was not probed: this machine has no way to it", _from_elsewhere())
                ]
            sight = self._watch(holder, _STEPS)
            if sight.balanced and any(each.marked for each in sight.counts.values()):
                knocking.wait(targets, _ANSWER)
            heard = knocking.heard()
        of_new = {port: heard[self.new, port] for port in self.ports}
        of_like = {port: heard[each, port] for each, port in beside}
        return self._judge(holder, sight, of_new, of_like)

    def _from(self, source: str, holder: str) -> list[tuple[str, str]]:
        shell, over = self._shell(source), Event()
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(self._knock_until, over, shell)
            try:
                for _ in range(_LOOKS):
                    sight = self._watch(holder, _STEPS_OF_HOST)
                    fates = {_fate(sight.counts.get(port), Word.SILENT) for port in self.ports}
                    if "absent" not in fates:
                        break
            finally:
                over.set()
            of_new = sent.result()
        of_like = self._knock(shell, self.like) if sight.balanced and self.like else {}
        return self._judge(holder, sight, of_new, of_like)

    def _shell(self, name: str) -> Shell:
        host = self.fleet.nornir.inventory.hosts[name]
        return shell_of(host, patience=self.fleet.options.patience)

    def _knock_until(self, over: Event, shell: Shell) -> Heard:
        """Send to the new VIP for as long as somebody looks."""
        heard = self._knock(shell, self.new)
        while not over.is_set():
            again = self._knock(shell, self.new)
            heard = {port: max(word, again[port]) for port, word in heard.items()}
        return heard

    def _knock(self, shell: Shell, address: Address) -> dict[int, Word]:
        deadline = self.fleet.options.timeout
        return knock(shell, address, self.ports, times=_TIMES, deadline=deadline)

    def _watch(self, holder: str, steps: int) -> Sight:
        return watch(
            self._shell(holder),
            self.new,
            self.service.mark,
            self.ports,
            steps=steps,
            deadline=self.fleet.options.timeout,
        )

    def _judge(
        self, holder: str, sight: Sight, of_new: Heard, of_like: Heard
    ) -> list[tuple[str, str]]:
        return judge(
            self.new,
            holder,
            sight,
            of_new=of_new,
            of_like=of_like,
            mark=self.service.mark,
            source=self.source,
        )


def judge(
    new: Address,
    holder: str,
    sight: Sight,
    *,
    of_new: Heard,
    of_like: Heard,
    mark: int,
    source: str | None,
) -> list[tuple[str, str]]:
    """What is to be told of a probe, each with what to do about it; nothing where all is well.

    Args:
        new: the VIP.
        holder: its MASTER.
        sight: what that saw.
        of_new: what became of the connections.
        of_like: the same of a VIP that is served already: a port that is silent there is no
            business of the new one.
        mark: the service's.
        source: who sent, if not this machine: it was chosen, so its packets must have come.

    Raises:
        NotServed: something came and is not marked, not answered, or did not come from a source.
    """
    fates = {port: _fate(sight.counts.get(port), word) for port, word in of_new.items()}

    def those(fate: str) -> str:
        return _ports(new, (port for port, each in fates.items() if each == fate))

    if unmarked := those("unmarked"):
        raise NotServed(
            f"what is sent to {unmarked} comes to {holder} and does not get the mark {mark}",
            f"Look at what else marks packets there; {_LEAVE_OUT}",
        )
    if absent := those("absent"):
        if source is not None:
            raise NotServed(
                f"nothing that {source} sent to {absent} came to {holder}",
                f"Look at what stands between them, or name another host; {_LEAVE_OUT}",
            )
        came = f"nothing that this machine sent to {absent} came to {holder}"
        return [(f"{came}: that was not probed", _from_elsewhere())]
    if sight.balanced:
        dead = [
            port
            for port, word in of_new.items()
            if fates[port] == "served"
            and word is not Word.ANSWERED
            and of_like.get(port) is Word.ANSWERED
        ]
        if dead:
            raise NotServed(
                f"no real server answers on {_ports(new, dead)}, though they do on another VIP",
                f"With DR or TUN each of them needs {new} on its loopback; {_LEAVE_OUT}",
            )
    if turned_away := those("turned away"):
        came = f"what is sent to {turned_away} gets the mark {mark} on {holder}"
        return [(f"{came}, but is not let in from there", "accept: true lets it in; see LVS021")]
    return []


def _fate(count: Count | None, word: Word) -> str:
    """What became of a port's packets on the router."""
    if count is not None and count.come is not None and count.come > count.marked:
        return "unmarked"
    if count is None or not count.marked:
        # Rules that count only what they mark say nothing of the rest; a refusal does.
        counted = count is not None and count.come is None
        return "unmarked" if counted and word is Word.REFUSED else "absent"
    return "turned away" if count.let_in == 0 else "served"


def _ports(vip: Address, ports: Iterable[int]) -> str:
    """``203.0.113.20 port 80 and 443``; empty without ports."""
    listed = [str(port) for port in ports]
    return f"{vip} port {' and '.join(listed)}" if listed else ""


def _from_elsewhere() -> str:
    return "--probe-from HOST sends from a host of the inventory that has a way to it"
