"""Random rule sets for nft: tables, hooks at many priorities, sets, maps, verdict maps, marks."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.rules import Address
from tests.lab.walk.draw import Draw

_INTERFACES = ("eth1", "eth0", '"e*"', "{ lo, eth1 }", "lo")
_HOOKS = (
    ("prerouting", -300), ("prerouting", -150), ("prerouting", -150), ("prerouting", -145),
    ("prerouting", -100), ("input", -150), ("input", 0), ("input", 0), ("input", 0), ("input", 10),
    ("input", 50),
)  # fmt: skip


def ruleset(four: Draw, six: Draw) -> str:
    """What one ``nft -f`` loads."""
    tables = []
    for number in range(four.chance.randrange(1, 4)):
        family = four.chance.choice(("inet", "inet", "inet", "ip", "ip6"))
        tables.append(_Table(four, six, family, f"t{number}").text())
    return "\n".join(tables)


class _Table:
    """One table."""

    def __init__(self, four: Draw, six: Draw, family: str, name: str) -> None:
        self.four, self.six, self.family, self.name = four, six, family, name
        self.chance, self.often = four.chance, four.often
        # One family and one protocol in a rule, or nft refuses it.
        self.draw, self.protocol = self.chance.choice(self._draws()), self._protocol()
        self.chains = ["ca", "cb", "cc"][: self.chance.randrange(4)]

    def text(self) -> str:
        parts = [*self._sets()]
        for at, name in reversed(list(enumerate(self.chains))):
            rules = [self._rule(self.chains[at + 1 :]) for _ in range(self.chance.randrange(1, 4))]
            parts.append(_chain(name, rules))
        for number in range(self.chance.randrange(1, 4)):
            hook, priority = self.chance.choice(_HOOKS)
            drops = self.often(0.4 if hook == "input" else 0.05)
            head = f"type filter hook {hook} priority {priority}; policy "
            rules = [self._rule(self.chains) for _ in range(self.chance.randrange(1, 7))]
            verdict = "drop" if drops else "accept"
            parts.append(_chain(f"base{number}", [f"{head}{verdict};", *rules]))
        return f"table {self.family} {self.name} {{\n" + "\n".join(parts) + "\n}"

    def _sets(self) -> Iterator[str]:
        for draw in self._draws():
            version, kind = draw.version, f"ipv{draw.version}_addr"
            hosts = {_prefix(draw, draw.sources) for _ in range(2)}
            yield _set(f"from{version}", kind, "interval; auto-merge", sorted(hosts))
            keys = {f"{self._to(draw)} . {self._protocol()} . {draw.port()}" for _ in range(4)}
            key = f"{kind} . inet_proto . inet_service"
            yield _set(f"open{version}", key, "interval", sorted(keys))
            marks = [f"{each} : {draw.mark():#x}" for each in sorted(keys)]
            yield _map(f"marks{version}", f"{key} : mark", marks, "flags interval; ")
        ports = sorted({self.four.port() for _ in range(4)})
        verdicts = [f"{port} : {self._verdict(self.chains)}" for port in ports]
        late = [each for each in verdicts if "jump" not in each and "goto" not in each]
        yield _map("fate", "inet_service : verdict", late)

    def _draws(self) -> list[Draw]:
        return [d for d in (self.four, self.six) if self.family in ("inet", _family(d))]

    def _to(self, draw: Draw) -> str:
        return str(self.chance.choice(draw.destinations))

    def _protocol(self) -> str:
        return self.chance.choice(("tcp", "tcp", "tcp", "udp", "udp", "sctp"))

    def _verdict(self, chains: list[str]) -> str:
        if chains and self.often(0.35):
            return f"{self.chance.choice(('jump', 'jump', 'goto'))} {self.chance.choice(chains)}"
        return self.chance.choice(("accept", "accept", "accept", "drop", "return", "continue"))

    def _rule(self, chains: list[str]) -> str:
        self.draw, self.protocol = self.chance.choice(self._draws()), self._protocol()
        if self.often(0.06):  # by itself: nft 1.0.6 cannot list a lookup of ports behind it
            return f"meta l4proto {self.chance.choice(('vrrp', '51'))} {self._verdict(chains)}"
        words = [self._match() for _ in range(self.chance.choice((0, 1, 1, 1, 2, 2, 3)))]
        if self.often(0.4):
            words += self._statements()
        if self.often(0.1):
            return " ".join([*words, self._verdict_map(chains)])
        if self.often(0.75) or not words:
            verdict = self._verdict(chains)
            words.append(self._reject() if verdict == "drop" and self.often(0.5) else verdict)
        return " ".join(words)

    def _reject(self) -> str:
        """One by ICMP of a version turns packets of that one away only, and does not say so."""
        by = "icmp type host" if self.draw.version == 4 else "icmpv6 type admin"
        return self.chance.choice(("reject", f"reject with {by}-prohibited"))

    def _match(self) -> str:
        draw, chance = self.draw, self.chance
        ip, version, no = _family(draw), draw.version, "!= " if self.often(0.2) else ""
        ports = f"{{ {', '.join(sorted({str(draw.port()) for _ in range(3)}))}, 2000-9000 }}"
        span = "-".join(map(str, sorted((draw.port(), draw.port() + 1))))
        states = chance.choice(("new", "established,related", "{ new, untracked }", "invalid"))
        in_from = f"{ip} saddr {no}@from{version}"
        return chance.choices(
            (
                f"{ip} saddr {no}{_prefix(draw, draw.sources)}",
                f"{ip} daddr {no}{_prefix(draw, draw.destinations)}",
                f"{ip} daddr {no}{{ {self._to(draw)}, {self._to(draw)} }}",
                in_from,
                f"{ip} daddr . meta l4proto . th dport {no}@open{version}",
                f"{self.protocol} dport {no}{draw.port()}",
                f"{self.protocol} dport {no}{span}",
                f"{self.protocol} dport {no}{ports}",
                f"meta l4proto {no}{chance.choice((self.protocol, '{ tcp, udp, sctp }'))}",
                f"ct state {no if states == 'new' else ''}{states}",
                f"meta mark {no}{draw.mark()}",
                f"meta mark & {chance.choice(('0xff', '0xf0'))} {no or '== '}{draw.mark() & 0xF0}",
                f"ct mark {no}{draw.mark()}",
                f"iifname {no}{chance.choice(_INTERFACES)}",
                f"meta nfproto {no}ipv{version}" if self.family == "inet" else "counter",
                f"fib daddr type {no}{chance.choice(('local', 'unicast'))}",
                "fib saddr . iif oif missing",
                "tcp flags syn" if self.protocol == "tcp" else "meta mark != 7",
                f"{self.protocol} sport {chance.choice(('>= 1024', '< 1024', '1024-65535'))}",
                f"{ip} saddr . {ip} daddr {no}{{ {self._pair(draw)}, {self._pair(draw)} }}",
                f"meta pkttype {chance.choice(('host', 'multicast'))}",
                "limit rate 10000/second",
                f"{'ip length' if version == 4 else 'ip6 length'} > 10",
            ),
            weights=(4, 5, 3, 3, 4, 4, 3, 4, 4, 3, 4, 2, 2, 2, 1, 2, 1, 2, 2, 2, 1, 0.3, 0.3),
        )[0]

    def _pair(self, draw: Draw) -> str:
        return f"{self.chance.choice(draw.sources)} . {self._to(draw)}"

    def _statements(self) -> list[str]:
        draw = self.draw
        number = self.chance.choice((1, 5, 0x50, 0xAA03))
        key = f"{_family(draw)} daddr . meta l4proto . th dport"
        return [
            self.chance.choices(
                (
                    f"meta mark set {draw.mark():#x}",
                    f"meta mark set meta mark & 0xff00 | {number}",
                    f"meta mark set meta mark ^ {number}",
                    f"meta mark set {key} map @marks{draw.version}",
                    f"meta mark set {self.protocol} dport map {{ 80 : 0x50, 1024-20000 : 0x15 }}",
                    "ct mark set meta mark",
                    "meta mark set ct mark",
                    "counter",
                    "notrack",
                    'log prefix "drop "',
                ),
                weights=(4, 2, 2, 5, 2, 2, 2, 1, 0.3, 0),
            )[0]
        ]

    def _verdict_map(self, chains: list[str]) -> str:
        protocol = self.protocol
        kind = self.chance.randrange(4)
        if kind == 0:
            return f"{protocol} dport vmap @fate"
        if kind == 1:
            pairs = (f"{name} : {self._verdict(chains)}" for name in ("new", "established"))
            return f"ct state vmap {{ {', '.join(pairs)} }}"
        if kind == 2:
            names = self.chance.sample(("eth0", "eth1", "lo"), 2)
            pairs = (f"{name} : {self._verdict(chains)}" for name in names)
            return f"iifname vmap {{ {', '.join(pairs)} }}"
        low, high = f"20-100 : {self._verdict(chains)}", f"1024-9000 : {self._verdict(chains)}"
        rest = f", * : {self._verdict(chains)}" if self.often(0.3) else ""
        return f"{protocol} dport vmap {{ {low}, {high}{rest} }}"


def _family(draw: Draw) -> str:
    return "ip" if draw.version == 4 else "ip6"


def _prefix(draw: Draw, pool: list[Address]) -> str:
    hosts = draw.hosts(pool)
    return hosts if not hosts.endswith("/0") else str(pool[0])


def _chain(name: str, lines: list[str]) -> str:
    return f"  chain {name} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }"


def _set(name: str, kind: str, flags: str, elements: list[str]) -> str:
    listed = ", ".join(elements)
    return f"  set {name} {{ type {kind}; flags {flags}; elements = {{ {listed} }}; }}"


def _map(name: str, kind: str, elements: list[str], flags: str = "") -> str:
    listed = f"elements = {{ {', '.join(elements)} }}; " if elements else ""
    return f"  map {name} {{ type {kind}; {flags}{listed}}}"
