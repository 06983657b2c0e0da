"""What a probe of a new VIP comes to: seen, not seen, or a reason to take all of it back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any, cast

import pytest

from inventory.desired import Service, ServicePorts
from inventory.rules import PortRange, Protocol
from runbooks import probing
from runbooks.probing import Heard, Probe, judge
from tasks.errors import NotServed, Unreachable
from tasks.knock import Word
from tasks.probe import Count, Sight

NEW = ip_address("203.0.113.20")
SEEN = Count(marked=1, come=1, let_in=1)
NOTHING = Count(marked=0, come=0, let_in=0)
UNMARKED = Count(marked=0, come=2, let_in=0)
ALL_OF_IT = {80: Word.ANSWERED, 443: Word.ANSWERED}
SILENT = {80: Word.SILENT, 443: Word.SILENT}


def judged(
    *counts: Count | None,
    balanced: bool = False,
    of_new: Heard = SILENT,
    of_like: Heard = ALL_OF_IT,
    source: str | None = None,
) -> list[str]:
    seen = {port: each for port, each in zip((80, 443), counts, strict=True) if each is not None}
    told = judge(
        NEW,
        "ams1",
        Sight(seen, balanced),
        of_new=of_new,
        of_like=of_like,
        mark=80,
        source=source,
    )
    assert all(hint for _, hint in told)
    return [said for said, _ in told]


def test_all_is_well_where_all_ports_are_marked_and_let_in() -> None:
    assert judged(SEEN, SEEN) == []
    assert judged(SEEN, SEEN, balanced=True, of_new=ALL_OF_IT) == []


@pytest.mark.parametrize("bad", [UNMARKED, Count(marked=1, come=2, let_in=1)])
def test_what_comes_without_the_mark_is_taken_back(bad: Count) -> None:
    with pytest.raises(NotServed, match=r"203\.0\.113\.20 port 443 comes to ams1 .* mark 80\."):
        judged(SEEN, bad)


def test_what_does_not_come_from_here_is_told() -> None:
    (said,) = judged(NOTHING, NOTHING)
    assert said == (
        "nothing that this machine sent to 203.0.113.20 port 80 and 443 came to ams1:"
        " that was not probed"
    )
    (said,) = judged(SEEN, NOTHING)
    assert "203.0.113.20 port 443 came" in said


def test_what_does_not_come_from_a_chosen_host_is_taken_back() -> None:
    with pytest.raises(NotServed, match="nothing that lon1 sent"):
        judged(SEEN, NOTHING, source="lon1")


def test_a_router_that_cannot_count_is_no_reason_to_take_it_back() -> None:
    (said,) = judged(None, None)
    assert "not probed" in said


def test_where_only_rules_count_a_refusal_shows_that_it_came() -> None:
    none, one = Count(marked=0), Count(marked=1)
    assert judged(one, one, of_new={80: Word.REFUSED, 443: Word.REFUSED}) == []
    assert "not probed" in judged(none, none)[0]
    with pytest.raises(NotServed, match="does not get the mark"):
        judged(one, none, of_new={80: Word.REFUSED, 443: Word.REFUSED})


def test_ipvs_must_answer_where_it_does_so_on_another_vip() -> None:
    with pytest.raises(NotServed, match=r"no real server answers on 203\.0\.113\.20 port 443"):
        judged(SEEN, SEEN, balanced=True, of_new={80: Word.ANSWERED, 443: Word.REFUSED})
    # A port that nobody serves is no business of the new VIP.
    only_80 = {80: Word.ANSWERED, 443: Word.SILENT}
    assert judged(SEEN, SEEN, balanced=True, of_new=only_80, of_like=only_80) == []
    # Without IPVS nobody can answer.
    assert judged(SEEN, SEEN, of_new=SILENT) == []


def test_what_is_marked_and_turned_away_is_told() -> None:
    shut = Count(marked=1, come=1, let_in=0)
    (said,) = judged(SEEN, shut)
    assert said.endswith("port 443 gets the mark 80 on ams1, but is not let in from there")
    # From here it is not let in; what may come from elsewhere is not known to be dead.
    assert len(judged(SEEN, shut, balanced=True, of_new={80: Word.ANSWERED, 443: Word.SILENT})) == 1


class Slow:
    """A host that sends, and a MASTER that is busy: what counts is there late.

    Args:
        sees: for each look after how many attempts it ends, and what it has seen by then.
    """

    def __init__(self, *sees: tuple[int, Count]) -> None:
        self.sees = list(sees)
        self.sent = 0
        self.looks = 0
        self.more = threading.Condition()

    def knock(self, _shell: Any, _vip: Any, ports: Sequence[int], **_: Any) -> Heard:
        with self.more:
            self.sent += 1
            self.more.notify_all()
        return dict.fromkeys(ports, Word.REFUSED if self.sent == 1 else Word.SILENT)

    def watch(self, _shell: Any, _vip: Any, _mark: int, ports: Sequence[int], **_: Any) -> Sight:
        wanted, count = self.sees[self.looks]
        self.looks += 1
        with self.more:
            assert self.more.wait_for(lambda: self.sent >= wanted, 60), "nothing more is sent"
        return Sight(dict.fromkeys(ports, count), balanced=False)

    def probed(self, monkeypatch: pytest.MonkeyPatch) -> Probe:
        monkeypatch.setattr(probing, "knock", self.knock)
        monkeypatch.setattr(probing, "watch", self.watch)
        monkeypatch.setattr(probing, "shell_of", lambda *_, **__: None)
        ports = tuple(ServicePorts(Protocol.TCP, PortRange(port, port)) for port in (80, 443))
        hosts = SimpleNamespace(inventory=SimpleNamespace(hosts={"lon1": None, "ams1": None}))
        options = SimpleNamespace(patience=5.0, timeout=5.0)
        fleet = cast("Any", SimpleNamespace(nornir=hosts, options=options))
        probe = Probe(fleet, NEW, None, Service("web", (NEW,), ports, 80), "lon1")
        probe.standings = {"ams1": cast("Any", SimpleNamespace(addresses={NEW}))}
        probe()
        return probe


def test_a_host_sends_for_as_long_as_a_router_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy one what counts may be there when all that was sent once has passed."""
    slow = Slow((7, SEEN))
    assert slow.probed(monkeypatch).findings == {"ams1": ()}
    assert slow.looks == 1


def test_a_host_that_begins_late_is_looked_for_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow((0, NOTHING), (1, SEEN))
    assert slow.probed(monkeypatch).findings == {"ams1": ()}


def test_what_never_comes_is_waited_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow((1, NOTHING), (2, NOTHING))
    with pytest.raises(NotServed, match=r"nothing that lon1 sent to .* port 80 and 443"):
        slow.probed(monkeypatch)
    assert slow.looks == 2


def test_the_highest_word_of_all_attempts_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only rules count: it was refused once, and silent later."""
    slow = Slow((3, Count(marked=0)), (4, Count(marked=0)))
    with pytest.raises(NotServed, match="does not get the mark"):
        slow.probed(monkeypatch)


def test_a_router_that_cannot_be_asked_ends_the_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()

    def lost(*_: Any, **__: Any) -> Sight:
        raise Unreachable("ams1: no answer")

    monkeypatch.setattr(slow, "watch", lost)
    with pytest.raises(Unreachable):
        slow.probed(monkeypatch)
