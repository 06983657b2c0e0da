"""Random rule sets for iptables-restore: tables, user chains, matches, marks, policies."""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.walk.draw import MASKS, Draw

_BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def ruleset(draw: Draw) -> str:
    """What one iptables-restore of the family loads."""
    tables = []
    if draw.often(0.25):
        tables.append(_table(draw, "raw", ("PREROUTING",), range(1, 3)))
    if draw.often(0.8):
        tables.append(_table(draw, "mangle", ("PREROUTING", "INPUT"), range(6)))
    if draw.often(0.2):
        tables.append(_table(draw, "nat", ("PREROUTING",), range(1, 3)))
    tables.append(_table(draw, "filter", ("INPUT",), range(1, 8)))
    return "\n".join(tables) + "\n"


def _table(draw: Draw, table: str, parents: tuple[str, ...], counts: range) -> str:
    lines = [f"*{table}"]
    for chain in _BUILT_IN[table]:
        drops = table in ("filter", "mangle") and chain in parents
        drops = drops and draw.often(0.5 if table == "filter" else 0.08)
        lines.append(f":{chain} {'DROP' if drops else 'ACCEPT'} [0:0]")
    own = [f"{table.upper()}-{name}" for name in "ABC"[: draw.chance.randrange(4)]]
    lines += [f":{name} - [0:0]" for name in own]
    for parent in parents:
        for _ in range(draw.chance.choice(counts)):
            lines.append(f"-A {parent} {_rule(draw, table, own)}")
    for at, name in enumerate(own):
        for _ in range(draw.chance.randrange(1, 4)):
            lines.append(f"-A {name} {_rule(draw, table, own[at + 1 :])}")
    return "\n".join([*lines, "COMMIT"])


def _rule(draw: Draw, table: str, chains: list[str]) -> str:
    words = [word for word in _matches(draw) if word]
    return " ".join([*words, _target(draw, table, chains, "-p tcp" in words)])


def _matches(draw: Draw) -> Iterator[str]:
    no = "! " if draw.often(0.2) else ""
    for option, share, pool in (("-s", 0.25, draw.sources), ("-d", 0.3, draw.destinations)):
        if draw.often(share):
            hosts = draw.hosts(pool)
            negated = draw.often(0.2) and not hosts.endswith("/0")  # which iptables refuses
            yield f"{'! ' if negated else ''}{option} {hosts}"
    if draw.often(0.15):
        yield f"{no}-i {draw.chance.choice(('eth0', 'eth1', 'eth1', 'eth+', 'e+', 'lo'))}"
    if draw.often(0.6):
        yield from _of_transport(draw)
    for _ in range(draw.chance.choice((0, 0, 1, 1, 2))):
        yield _special(draw, no)


def _of_transport(draw: Draw) -> Iterator[str]:
    protocol = draw.chance.choice(("tcp", "tcp", "tcp", "udp", "udp", "sctp", "112", "ah", "icmp"))
    if protocol == "icmp" or (protocol == "ah" and draw.version == 6):
        protocol = "gre"
    if draw.often(0.1):
        yield f"! -p {protocol}"
        return
    yield f"-p {protocol}"
    if protocol in ("tcp", "udp", "sctp"):
        no = "! " if draw.often(0.15) else ""
        kind = draw.chance.randrange(6)
        if kind < 2:
            yield f"-m {protocol} {no}--dport {draw.ports(':')}"
        elif kind == 2:
            listed = ",".join(draw.ports(":") for _ in range(draw.chance.randrange(1, 4)))
            yield f"-m multiport {no}--dports {listed}"
        elif kind == 3:
            yield f"-m {protocol} {no}--sport {draw.chance.choice(('1024:', ':1023', '25'))}"
    if protocol == "tcp" and draw.often(0.15):
        flags = ("--syn", "! --syn", "--tcp-flags SYN,ACK SYN", "--tcp-flags ALL NONE")
        yield f"-m tcp {draw.chance.choice(flags)}"


def _special(draw: Draw, no: str) -> str:
    states = ",".join(draw.chance.sample(("NEW", "ESTABLISHED", "RELATED", "INVALID"), 2))
    ttl = "-m ttl --ttl-eq" if draw.version == 4 else "-m hl --hl-eq"
    return draw.chance.choices(
        (
            f"-m conntrack {no}--ctstate {states}",
            f"-m state {no}--state {states.replace('INVALID', 'UNTRACKED')}",
            f"-m mark {no}--mark {draw.mark()}/{draw.chance.choice(MASKS)}",
            f"-m connmark {no}--mark {draw.mark()}/{draw.chance.choice(MASKS)}",
            f"-m addrtype {no}--dst-type {draw.chance.choice(('LOCAL', 'UNICAST', 'MULTICAST'))}",
            f"-m addrtype {no}--src-type {draw.chance.choice(('LOCAL', 'UNICAST'))}",
            f"-m iprange {no}--src-range {draw.between(draw.sources)}",
            f"-m iprange {no}--dst-range {draw.between(draw.destinations)}",
            f"-m pkttype {no}--pkt-type {draw.chance.choice(('unicast', 'multicast'))}",
            '-m comment --comment "a -j DROP in \\"words\\""',
            f"{ttl} 255",
            "-m limit --limit 1000/sec",
            "-m length --length 1:2000",
        ),
        weights=(5, 3, 5, 3, 3, 1, 2, 2, 1, 2, 0.3, 0.3, 0.3),
    )[0]


def _target(draw: Draw, table: str, chains: list[str], is_tcp: bool) -> str:
    if chains and draw.often(0.3):
        return f"{'-g' if draw.often(0.25) else '-j'} {draw.chance.choice(chains)}"
    if draw.often(0.08):
        return draw.chance.choice(("-j RETURN", "", '-j NFLOG --nflog-prefix "-j DROP"'))
    if table == "mangle":
        return _marking(draw)
    elsewhere = "192.0.2.250" if draw.version == 4 else "2001:db8::250"
    reject = "icmp-host-prohibited" if draw.version == 4 else "icmp6-adm-prohibited"
    targets = {
        "raw": ("CT --notrack", "CT --notrack", "ACCEPT", "DROP"),
        "nat": (f"DNAT --to-destination {elsewhere}" if is_tcp else "ACCEPT", "ACCEPT", "RETURN"),
        "filter": ("ACCEPT", "ACCEPT", "DROP", f"REJECT --reject-with {reject}"),
    }
    return f"-j {draw.chance.choice(targets[table])}"


def _marking(draw: Draw) -> str:
    number, mask = draw.mark(), draw.chance.choice(MASKS)
    return draw.chance.choices(
        (
            f"-j MARK --set-mark {number}",
            f"-j MARK --set-xmark {number:#x}/{mask}",
            f"-j MARK --set-mark {number:#x}/{mask}",
            f"-j MARK --or-mark {number:#x}",
            f"-j MARK --and-mark {number:#x}",
            f"-j MARK --xor-mark {number:#x}",
            "-j CONNMARK --save-mark",
            f"-j CONNMARK --save-mark --nfmask {mask} --ctmask {mask}",
            "-j CONNMARK --restore-mark",
            f"-j CONNMARK --restore-mark --nfmask {mask} --ctmask {mask}",
            f"-j CONNMARK --set-xmark {number:#x}/{mask}",
            "-j ACCEPT",
            "-j DROP",
        ),
        weights=(6, 2, 1, 1, 1, 1, 2, 1, 2, 1, 1, 1, 0.5),
    )[0]
