"""The lab's networks: a management bridge on the host, and a switch namespace with the sites.

Nothing here reaches beyond the machine: no address translation, no default route, and the sites'
bridges have no leg on the host. Every step can be repeated, and taking down goes by names alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_interface
from pathlib import Path

from inventory.errors import LvsfleetError
from lab.process import completed, run
from lab.topology import Names, Router, Site

NAMESPACES = Path("/run/netns")
_INTERFACES = Path("/sys/class/net")
_CONNECT_SECONDS = 2.0
"""Enough for a SYN that gets lost to be sent again; a busy sshd's greeting takes longer."""
_END_SECONDS = 60.0

# Addresses are usable at once (no duplicate address detection) and only those given here exist.
_QUIET_IPV6 = (
    "net.ipv6.conf.all.disable_ipv6=0",
    "net.ipv6.conf.default.disable_ipv6=0",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.all.accept_ra=0",
    "net.ipv6.conf.default.accept_ra=0",
)


class Network:
    """The networks of one lab.

    Args:
        names: what its things are called.
        lock: descriptor of the lab's lock, which programs that change the network inherit: when
            the caller is killed, the lock lasts until the step under way is over.
    """

    def __init__(self, names: Names, lock: int) -> None:
        self._names = names
        self._lock = (lock,)

    def raise_base(self, sites: Sequence[Site]) -> None:
        """Make the management bridge, the switch, and each site's bridge and client."""
        base, switch = self._names.base, self._names.switch
        if not (_INTERFACES / base).exists():
            address = f"{self._names.controller}/{self._names.management.prefixlen}"
            self._batch(
                None,
                f"link add {base} type bridge mcast_snooping 0",
                f"link set {base} addrgenmode none",
                f"addr replace {address} dev {base}",
            )
        self._batch(None, f"link set {base} up")
        self._namespace(switch)
        for site in sites:
            if not self._has(switch, site.name):
                self._batch(
                    switch,
                    f"link add {site.name} type bridge mcast_snooping 0",
                    f"link set {site.name} addrgenmode none",
                )
            self._batch(switch, f"link set {site.name} up")
            client = self._names.of(site.client)
            self._namespace(client)
            self._plug(site.client, client, site, ip_interfaces(site, 200))

    def plug(self, router: Router) -> None:
        """Make a router's namespace anew, with eth0 to the host and eth1 to its site."""
        self.unplug(router)
        namespace = self._names.of(router.name)
        self._namespace(namespace)
        management = f"{router.management}/{self._names.management.prefixlen}"
        self._batch(
            None,
            f"link add {namespace} type veth "
            f"peer name eth0 address {mac(router.management)} netns {namespace}",
            f"link set {namespace} master {self._names.base} addrgenmode none up",
        )
        self._batch(namespace, f"addr add {management} dev eth0", "link set eth0 up")
        self._plug(
            router.name, namespace, router.site, ip_interfaces(router.site, router.place + 101)
        )

    def unplug(self, router: Router) -> None:
        """Take a router's namespace and interfaces away; fine when they are not there."""
        name = self._names.of(router.name)
        # Deleting a namespace takes its interfaces away some time later; deleting them does now.
        if (_INTERFACES / name).exists():
            self._batch(None, f"link del {name}")
        if (NAMESPACES / self._names.switch).exists() and self._has(
            self._names.switch, router.name
        ):
            self._batch(self._names.switch, f"link del {router.name}")
        if (NAMESPACES / name).exists():
            self._ip("netns", "del", name)

    def raze(self) -> None:
        """Take everything away that carries the lab's name, and end what still runs in it."""
        ours = sorted(path.name for path in NAMESPACES.glob(f"{self._names.prefix}*"))
        for namespace in ours:
            _end_processes(namespace)
            self._ip("netns", "del", namespace)
        for link in (*_INTERFACES.glob(f"{self._names.prefix}*"), _INTERFACES / self._names.base):
            # The kernel takes an interface away by itself, some time after its peer's namespace.
            deadline = time.monotonic() + _END_SECONDS
            while link.exists():
                try:
                    self._ip("link", "del", link.name)
                except LvsfleetError:
                    if link.exists() and time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)

    def _plug(self, port: str, namespace: str, site: Site, own: Sequence[Interface]) -> None:
        """Connect ``eth1`` of a namespace to a site's bridge, unless it is."""
        if self._has(namespace, "eth1") and self._has(self._names.switch, port):
            return
        for where, link in ((namespace, "eth1"), (self._names.switch, port)):
            if self._has(where, link):
                self._batch(where, f"link del {link}")
        self._batch(
            self._names.switch,
            f"link add {port} type veth peer name eth1 address {mac(own[0].ip)} netns {namespace}",
            f"link set {port} master {site.name} addrgenmode none up",
        )
        self._batch(
            namespace,
            *(f"addr add {interface} dev eth1" for interface in own),
            "link set eth1 up",
        )

    def _namespace(self, name: str) -> None:
        """Make a namespace, unless it is there, also when it was left half made."""
        if completed(["ip", "-n", name, "link", "show", "dev", "lo"]).returncode:
            if (NAMESPACES / name).exists():
                self._ip("netns", "del", name)
            self._ip("netns", "add", name)
        self._ip("netns", "exec", name, "sysctl", "-qw", *_QUIET_IPV6)
        self._batch(name, "link set lo up")

    def _has(self, namespace: str, link: str) -> bool:
        return not completed(["ip", "-n", namespace, "link", "show", "dev", link]).returncode

    def _batch(self, namespace: str | None, *commands: str) -> None:
        where = ["-n", namespace] if namespace else []
        run(["ip", *where, "-batch", "-"], stdin="\n".join(commands), keep_open=self._lock)

    def _ip(self, *arguments: str) -> None:
        run(["ip", *arguments], keep_open=self._lock)


Interface = IPv4Interface | IPv6Interface


def ip_interfaces(site: Site, host: int) -> tuple[Interface, ...]:
    """A host's addresses at a site, each with the length of its network's prefix."""
    four, six = site.at(host)
    return (
        ip_interface(f"{four}/{site.network4.prefixlen}"),
        ip_interface(f"{six}/{site.network6.prefixlen}"),
    )


def mac(address: IPv4Address | IPv6Address) -> str:
    """A link address that stays with an IPv4 one: after a reboot, neighbours still know it."""
    return "02:01:" + address.packed[-4:].hex(":")


def addresses(namespace: str, link: str) -> frozenset[str]:
    """The addresses that an interface of a namespace has now; empty when there is no such."""
    shown = completed(["ip", "-n", namespace, "-json", "addr", "show", "dev", link])
    return shown_addresses("" if shown.returncode else shown.stdout)


def shown_addresses(listing: str) -> frozenset[str]:
    """The addresses in what ``ip -json address`` prints."""
    return frozenset(
        str(info["local"])
        for entry in json.loads(listing or "[]")
        for info in entry.get("addr_info", ())
        if "local" in info
    )


def answers_ssh(address: IPv4Address, seconds: float) -> bool:
    """Whether an SSH server greets at this address within so many seconds of connecting to it."""
    connecting = min(seconds, _CONNECT_SECONDS)
    try:
        with socket.create_connection((str(address), 22), timeout=connecting) as connection:
            connection.settimeout(seconds)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _end_processes(namespace: str) -> None:
    """End what runs in a namespace of the lab: it would keep the namespace from going.

    Raises:
        LvsfleetError: something does not end.
    """
    deadline = time.monotonic() + _END_SECONDS
    while listed := completed(["ip", "netns", "pids", namespace]).stdout.split():
        if time.monotonic() > deadline:
            raise LvsfleetError(f"processes in {namespace} do not end: {', '.join(listed)}")
        for pid in listed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.01)
