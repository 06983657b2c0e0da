"""A real server behind a router that balances, and lvsfleet on a machine that has a way to VIPs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from inventory.rules import Address
from lab.fleet import Lab
from lab.process import run
from lab.topology import Site
from tests.lab.rollout.fleet import LVSFLEET, Answer

_LISTEN = """
import socket, sys, threading
def serve(listener):
    while True:
        listener.accept()[0].close()
listeners = [socket.create_server(("", 80)), socket.create_server((sys.argv[1], 443))]
print("listens", flush=True)
for each in listeners:
    threading.Thread(target=serve, args=(each,)).start()
"""


_SILENT = "net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2"
"""Who has a VIP on its loopback does not say so."""


class RealServer:
    """One of web's, by direct routing: HTTP is for all VIPs on its loopback, HTTPS for the first.

    Attributes:
        lab: the lab.
        site: where it is.
        vips: those on its loopback.
        address: its own.
    """

    def __init__(self, lab: Lab, site: Site, vips: Sequence[Address]) -> None:
        self.lab = lab
        self.site = site
        self.vips = vips
        self.address = site.at(201)[0]
        self._namespace = lab.topology.names.of("real")

    def lvsfleet(self, folder: Path, *words: str) -> Answer:
        """A command on a machine that is in the site's network, and in that of the operators."""
        client = self.lab.topology.names.of(self.site.client)
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["ip", "netns", "exec", client, LVSFLEET, *words, "--format", "json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            env=environment,
            cwd=folder,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        argv = ["ip", "netns", "exec", self._namespace, "python3", "-I", "-c", _LISTEN]
        argv.append(str(self.vips[0]))
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                assert process.stdout.readline() == "listens\n"
                yield
            finally:
                process.kill()

    def _plug(self) -> None:
        names, real = self.lab.topology.names, self._namespace
        client, leg = names.of(self.site.client), names.of("leg")
        for command in (
            f"netns add {real}",
            f"-n {names.switch} link add real type veth peer name eth1 netns {real}",
            f"-n {names.switch} link set real master {self.site.name} up",
            f"-n {real} addr add {self.address}/{self.site.network4.prefixlen} dev eth1",
            f"-n {real} link set lo up",
            f"-n {real} link set eth1 up",
            f"netns exec {real} sysctl -qw {_SILENT}",
            *(f"-n {real} addr add {vip}/32 dev lo" for vip in self.vips),
            f"link add {leg} type veth peer name eth0 netns {client}",
            f"link set {leg} master {names.base} up",
            f"-n {client} addr add {names.management[2]}/{names.management.prefixlen} dev eth0",
            f"-n {client} link set eth0 up",
        ):
            run(["ip", *command.split()])


@contextmanager
def real_server(lab: Lab, site: Site, *vips: Address) -> Iterator[RealServer]:
    """One that listens on web's ports; what it is made of goes with the lab."""
    server = RealServer(lab, site, vips)
    server._plug()
    with server._listening():
        yield server
