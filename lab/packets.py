"""Packets through a router, counted: the proof that a mark is set and a service let in.

A client sends; on the router a table of nftables of the lab's own counts by mark, address,
protocol and port: once in prerouting when all marks are set, and once in input after every
packet filter has let the packet in, which is where IPVS would look at it (priority 99).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from lab.fleet import Lab

Address = IPv4Address | IPv6Address
Protocol = Literal["tcp", "udp", "sctp"]

TABLE = "lvslab_probe"
_SEND = Path(__file__).with_name("send.py")
_ARRIVE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Flow:
    """What is counted together.

    Attributes:
        mark: the packet's firewall mark, 0 when it has none.
        address: its destination.
        protocol: ``tcp``, ``udp`` or ``sctp``.
        port: its destination port.
    """

    mark: int
    address: Address
    protocol: str
    port: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Packets per flow since the probe was installed.

    Attributes:
        marked: as they were in prerouting, after every mangle rule.
        accepted: as they were in input, after every filter.
    """

    marked: Mapping[Flow, int]
    accepted: Mapping[Flow, int]


def send(
    lab: Lab,
    site: str,
    address: Address | str,
    port: int,
    protocol: Protocol = "tcp",
    *,
    count: int = 1,
) -> dict[str, int]:
    """Send from a site's client, a new connection per packet.

    Args:
        lab: the lab.
        site: whose client sends.
        address: where to, mostly a VIP of the site.
        port: where to.
        protocol: how.
        count: how many.

    Returns:
        How many attempts were ``connected``, ``refused`` (let in, nobody listens),
        ``unreachable`` (rejected, IPv4), ``silent`` (dropped, or rejected by IPv6: Linux tries
        on); other than tcp: ``sent``.

    Raises:
        LvsfleetError: there is no such client, or it could not send.
    """
    asked = {"address": str(address), "port": port, "protocol": protocol, "count": count}
    argv = ["python3", "-I", str(_SEND)]
    sent = lab.exec(f"client-{site}", argv, stdin=json.dumps(asked))
    return dict(json.loads(sent.stdout))


class Probe:
    """Counts packets on one router while it is installed; a context manager.

    It survives whatever is done to the other tables, and does not survive a reboot.

    Args:
        lab: the lab.
        router: the router's name.
        held: count only packets to addresses that the router has at that moment.
    """

    def __init__(self, lab: Lab, router: str, *, held: bool = False) -> None:
        self._lab = lab
        self._router = router
        self._which = "fib daddr type local" if held else ""

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def install(self) -> None:
        """Begin to count from zero."""
        self._lab.exec(self._router, ["nft", "-f", "-"], stdin=_ruleset(self._which))

    def remove(self) -> None:
        """Leave nothing of it on the router; fine when it is not there."""
        self._lab.exec(self._router, ["nft", "-f", "-"], stdin=_removal())

    def read(self) -> Counts:
        """What was counted so far.

        Raises:
            LvsfleetError: the probe is not installed.
        """
        argv = ["nft", "--json", "--numeric", "list", "table", "inet", TABLE]
        listed = json.loads(self._lab.exec(self._router, argv).stdout)["nftables"]
        sets = {entry["set"]["name"]: entry["set"] for entry in listed if "set" in entry}
        return Counts(
            marked=_flows(sets["marked4"]) | _flows(sets["marked6"]),
            accepted=_flows(sets["accepted4"]) | _flows(sets["accepted6"]),
        )

    def sent(
        self,
        site: str,
        address: Address | str,
        port: int,
        protocol: Protocol = "tcp",
        *,
        count: int = 1,
    ) -> dict[int, int]:
        """Send from a site's client and tell what marks the packets arrived with.

        Returns:
            Packets per mark, of those sent by this call; 0 is "no mark".
        """
        target = ip_address(address)
        before = self._marks(target, protocol, port)
        send(self._lab, site, address, port, protocol, count=count)
        deadline = time.monotonic() + _ARRIVE_SECONDS
        while True:
            after = self._marks(target, protocol, port)
            new = {mark: after[mark] - before.get(mark, 0) for mark in after}
            if sum(new.values()) >= count or time.monotonic() > deadline:
                return {mark: packets for mark, packets in new.items() if packets}
            time.sleep(0.02)

    def _marks(self, address: Address, protocol: str, port: int) -> dict[int, int]:
        return {
            flow.mark: packets
            for flow, packets in self.read().marked.items()
            if (flow.address, flow.protocol, flow.port) == (address, protocol, port)
        }


def _ruleset(which: str) -> str:
    sets = "".join(
        f"set {name}{version} {{ type mark . {kind} . inet_proto . inet_service;"
        " flags dynamic; counter; }\n"
        for name in ("marked", "accepted")
        for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr"))
    )
    chains = "".join(
        f"chain {name} {{ type filter hook {hook} priority {priority};\n"
        f"{which} meta l4proto {{ tcp, udp, sctp }} add @{name}4"
        " { meta mark . ip daddr . meta l4proto . th dport }\n"
        f"{which} meta l4proto {{ tcp, udp, sctp }} add @{name}6"
        " { meta mark . ip6 daddr . meta l4proto . th dport }\n}\n"
        for name, hook, priority in (("marked", "prerouting", -99), ("accepted", "input", 98))
    )
    return f"{_removal()}table inet {TABLE} {{\n{sets}{chains}}}\n"


def _removal() -> str:
    """Making it first is how nft is told "delete it if it is there"."""
    return f"table inet {TABLE}\ndelete table inet {TABLE}\n"


def _flows(listed: Mapping[str, Any]) -> dict[Flow, int]:
    elements = [element["elem"] for element in listed.get("elem", ())]
    return {_flow(element["val"]["concat"]): element["counter"]["packets"] for element in elements}


def _flow(concat: list[Any]) -> Flow:
    mark, address, protocol, port = concat
    names = {6: "tcp", 17: "udp", 132: "sctp"}
    protocol = names.get(int(protocol), protocol) if str(protocol).isdigit() else protocol
    return Flow(int(str(mark), 0), ip_address(address), str(protocol), int(port))
