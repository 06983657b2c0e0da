"""``start: true``: firewalld is started with its rules in place, so that VRRP never splits."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.status import Role
from lab.topology import Kind
from tests.lab.chaos.controller import wait_for
from tests.lab.rollout.fleet import Fleet
from tests.lab.rollout.traffic import fates, marked, roles

PAIR = ("ams1", "ams2")

# What a fresh firewalld has: the site's own rules that let VRRP in are not there.
STOCK_ZONE = """\
<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <service name="ssh"/>
  <service name="http"/>
  <service name="https"/>
</zone>
"""


class Adverts:
    """The VRRP adverts that the site hears: whoever sends some takes itself for the MASTER."""

    def __init__(self, capture: subprocess.Popen[str]) -> None:
        self._capture = capture

    def heard(self) -> list[tuple[float, str]]:
        """When each was sent, in seconds, and by whom; ends the capture."""
        self._capture.terminate()
        lines, _ = self._capture.communicate(timeout=60)
        found = re.findall(r"(?m)^([\d.]+) IP (\S+) > 224\.0\.0\.18", lines)
        return [(float(when), who) for when, who in found]


def is_deaf(who: str, heard: list[tuple[float, str]]) -> bool:
    """Whether one of them went on although another one could be heard.

    Who hears nobody for 1.6 s, as on a machine that stalls, sends one too, but none after it has
    heard the next of the MASTER's; who is shut out sends one every half second.
    """
    own = [when for when, sender in heard if sender == who]
    others = [when for when, sender in heard if sender != who]
    pairs = [(a, b) for a, b in itertools.pairwise(own) if b - a < 1]
    return any(a < when < b for a, b in pairs for when in others)


@contextmanager
def listening(fleet: Fleet) -> Iterator[Adverts]:
    """Listen from the site's client; from the start of the block at the latest."""
    argv = ["tcpdump", "-i", "eth1", "-n", "-q", "-l", "-tt", "--immediate-mode", "ip proto 112"]
    with subprocess.Popen(
        fleet.lab.entry("client-ams", argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as capture:
        assert capture.stderr is not None
        for line in capture.stderr:
            if "listening on" in line:
                break
        try:
            yield Adverts(capture)
        finally:
            capture.kill()


def masters(fleet: Fleet) -> list[str]:
    """Who of the pair has VIPs now."""
    now = roles(fleet.lab)
    return [router for router in PAIR if now[router] is not Role.BACKUP]


@pytest.fixture
def stopped(fleet: Fleet) -> Fleet:
    """A pair whose firewalld does not run and is not started at boot; keepalived runs."""
    fleet.fresh(*PAIR)
    for router in PAIR:
        fleet.sh(router, "systemctl disable --now firewalld")
        fleet.write(router, "/etc/firewalld/zones/public.xml", STOCK_ZONE)
    fleet.settle(*PAIR)
    return fleet


def test_it_starts_with_its_rules_in_place_and_is_there_after_a_reboot(stopped: Fleet) -> None:
    fleet = stopped
    fleet.data("ams")["start"] = True
    site = fleet.site(Kind.FIREWALLD)
    wanted = {str(packet): fate for packet, fate in marked(site).items()}

    with listening(fleet) as adverts:
        answer = fleet.rollout(*PAIR, options=())
        assert answer.code == 0, answer
        assert answer.statuses == dict.fromkeys(PAIR, "changed")
        # Without a rule for VRRP the BACKUP would be a second MASTER 1.8 s after the start. The
        # rollout looks on for longer than that before it ends.
        wait_for(lambda: masters(fleet) == ["ams1"], 60)
        heard = adverts.heard()
    sender = {router: str(fleet.lab.router(router).addresses[0]) for router in PAIR}
    assert [who for _, who in heard].count(sender["ams1"]) > 3
    assert not is_deaf(sender["ams2"], heard), heard

    for router in PAIR:
        units = fleet.sh(router, "systemctl is-active firewalld; systemctl is-enabled firewalld")
        assert units.split() == ["active", "enabled"]
    found = fates(fleet.lab, "ams1", marked(site))
    assert {str(packet): fate for packet, fate in found.items()} == wanted

    fleet.reboot(*PAIR)
    found = fates(fleet.lab, "ams1", marked(site))
    assert {str(packet): fate for packet, fate in found.items()} == wanted
    again = fleet.rollout(*PAIR)
    assert again.statuses == dict.fromkeys(PAIR, "unchanged"), again


def test_a_start_that_fails_leaves_it_stopped_and_its_files_as_they_were(stopped: Fleet) -> None:
    fleet = stopped
    fleet.data("ams")["start"] = True
    fleet.write(
        "ams2",
        "/etc/systemd/system/firewalld.service.d/broken.conf",
        "[Service]\nExecStartPre=/bin/false\n",
    )
    fleet.sh("ams2", "systemctl daemon-reload")
    before = fleet.read("ams2", "/etc/firewalld/zones/public.xml")

    answer = fleet.rollout("ams2")

    assert answer.code == 1, answer
    assert answer.statuses == {"ams2": "reverted"}, answer
    assert fleet.read("ams2", "/etc/firewalld/zones/public.xml") == before
    units = "systemctl is-active firewalld; systemctl is-enabled firewalld"
    told = fleet.sh("ams2", units, check=False).split()
    assert told[0] in ("inactive", "failed")
    assert told[1] == "disabled"
    assert fleet.sh("ams2", "ls /run/lvsfleet.lock", check=False) == ""
    assert fleet.sh("ams2", "nft list tables | grep firewalld", check=False) == ""

    fleet.sh("ams2", "rm -r /etc/systemd/system/firewalld.service.d && systemctl daemon-reload")
    fleet.sh("ams2", "systemctl reset-failed firewalld", check=False)
    mended = fleet.rollout("ams2")
    assert mended.code == 0, mended
