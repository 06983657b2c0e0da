"""What a router says of a probe and of what it has counted, as values."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tasks.counters import Balanced, parse_marking, parse_stats
from tasks.errors import NotReady
from tasks.knock import Word
from tasks.probe import Count, Sight, knock, watch
from tasks.shell import Completed

NEW = ip_address("203.0.113.20")
RULE = "-A LVSFLEET-MARK -d 203.0.113.20/32 -p tcp -m multiport --dports 80,443 -j MARK"
TO_80 = "--set-xmark 0x50/0xffffffff"


class Answering:
    """A shell on which every script answers the same, in frames with its own nonce."""

    def __init__(self, sections: dict[str, str], status: int = 0) -> None:
        self.sections = sections
        self.status = status
        self.words: tuple[str, ...] = ()

    def run(self, script: str, *args: str, stdin: str = "", deadline: float) -> Completed:
        del script, stdin, deadline
        nonce, *words = args
        self.words = tuple(words)
        text = "".join(
            f"\n@@{nonce}< {name}\n{each}\n@@{nonce}> {name} 0\n"
            for name, each in self.sections.items()
        )
        return Completed(self.status, text, "")

    def close(self) -> None:
        pass


def watched(sections: dict[str, str]) -> Sight:
    shell = Answering(sections)
    sight = watch(shell, NEW, 80, (80, 443), steps=8, deadline=5.0)
    assert shell.words == ("8", "203.0.113.20", "80", "80", "443")
    return sight


def test_a_router_with_nft_counts_each_port() -> None:
    text = "80 come 2\n80 marked 2\n443 come 1\n443 marked 0\n"
    text += "80 passed 2\n80 in 2\n443 passed 0\n443 in 0\n"
    counts = {80: Count(marked=2, come=2, let_in=2), 443: Count(marked=0, come=1, let_in=0)}
    assert watched({"counts": text}) == Sight(counts, balanced=False)


def test_a_mark_that_is_gone_where_ipvs_looks_is_none() -> None:
    text = "80 come 1\n80 marked 1\n80 passed 1\n80 in 0\n"
    assert watched({"counts": text}).counts[80] == Count(marked=0, come=1, let_in=0)


def test_a_router_without_nft_says_what_its_rules_marked_meanwhile() -> None:
    # 443 has a rule of its own; the last one is of another mark.
    def rules(one: int, two: int) -> str:
        other = RULE.replace("multiport --dports 80,443", "tcp --dport 443")
        return (
            f"[{one}:60] {RULE.replace('80,443', '80,81')} {TO_80}\n"
            f"[{two}:60] {other} {TO_80}\n"
            f"[99:60] {other} --set-xmark 0x51/0xffffffff\n"
        )

    sight = watched({"before": rules(7, 4), "after": rules(9, 4)})
    assert sight == Sight({80: Count(2), 443: Count(0)}, balanced=False)


def test_a_router_that_cannot_count_says_nothing() -> None:
    assert watched({}) == Sight({}, balanced=False)


@pytest.mark.parametrize(
    ("table", "balanced"),
    [
        ("-A -f 80 -s rr\n-a -f 80 -r 10.0.0.1:0 -g -w 1\n", True),
        ("-A -f 80 -s rr\n", False),
        ("-A -f 80 -6 -s rr\n-a -f 80 -6 -r [2001:db8::1]:0 -g -w 1\n", False),
        ("-A -f 81 -s rr\n-a -f 81 -r 10.0.0.1:0 -g -w 1\n", False),
    ],
)
def test_ipvs_balances_where_it_has_real_servers_for_the_mark(table: str, balanced: bool) -> None:
    assert watched({"ipvs": table, "counts": ""}).balanced is balanced


def test_of_several_connections_the_best_counts() -> None:
    text = "80 refused\n443 silent\n80 answered\n443 silent\n80 silent\n9 answered\nrubbish\n"
    shell = Answering({"knock": text})
    heard = knock(shell, NEW, (80, 443), times=3, deadline=5.0)
    assert heard == {80: Word.ANSWERED, 443: Word.SILENT}
    assert shell.words == ("3", "203.0.113.20", "80", "443")


def test_a_host_that_cannot_send_says_so() -> None:
    with pytest.raises(NotReady, match="it has neither bash"):
        knock(
            Answering({"fail:preflight": "it has neither bash\n"}, 1), NEW, (), times=0, deadline=5
        )


def test_packets_are_counted_by_vip_and_mark() -> None:
    text = (
        f"[10:600] {RULE} {TO_80}\n"
        f"[3:180] {RULE.replace('80,443', '8080,8443')} {TO_80}\n"
        f"[4:60] {RULE.replace('203.0.113.20', '203.0.113.21')} {TO_80}\n"
        f"[9:60] -A LVSFLEET-MARK -d 2001:db8::1/128 -p udp -m udp --dport 53 -j MARK {TO_80}\n"
        "[8:60] -A PREROUTING -i eth0 -j MARK --set-xmark 0x50/0xffffffff\n"
        "[x] nonsense\n"
    )
    assert parse_marking(text) == {
        (NEW, 80): 13,
        (ip_address("203.0.113.21"), 80): 4,
        (ip_address("2001:db8::1"), 80): 9,
    }


def test_ipvs_counts_by_mark_and_family() -> None:
    text = (
        "IP Virtual Server version 1.2.1 (size=4096)\n"
        "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n"
        "  -> RemoteAddress:Port\n"
        "FWM  80                                  3       12        9      720      540\n"
        "  -> 10.0.0.1:0                          3       12        9      720      540\n"
        "FWM  80 IPv6                             1        4        0      320        0\n"
        "TCP  203.0.113.9:80                      7       70        0        0        0\n"
        "FWM  -1                                  2        5        0        0        0\n"
    )
    assert parse_stats(text) == {
        (80, 4): Balanced(3, 12),
        (80, 6): Balanced(1, 4),
        (4294967295, 4): Balanced(2, 5),
    }
