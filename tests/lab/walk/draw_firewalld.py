"""Random zones and policies of firewalld: targets, services, ports, rich rules with priorities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from xml.sax.saxutils import quoteattr

from inventory.rules import Address
from tests.lab.walk.draw import Draw

ZONES = 8
_TARGETS = ("default", "default", "default", "ACCEPT", "DROP", "%%REJECT%%")
_SERVICES = ("http", "https", "dns", "ftp", "ssh", "kerberos")


def files(four: Draw, six: Draw) -> dict[str, str]:
    """The files of zones and policies by path: one zone for each of some sources."""
    chance = four.chance
    found = {}
    names = [f"z{number}" for number in range(ZONES)]
    by_interface = chance.randrange(ZONES)
    for number, name in enumerate(names):
        bound = [draw.sources[3 + number] for draw in (four, six)]
        lines = [f"<source address={quoteattr(str(each))}/>" for each in bound]
        if number == by_interface and four.often(0.7):
            lines.append('<interface name="eth1"/>')
        lines += _inside(four, six)
        target = chance.choice(_TARGETS)
        found[f"zones/{name}.xml"] = f'<zone target="{target}">{"".join(lines)}</zone>'
    for number in range(chance.randrange(4)):
        ingress = chance.choice(("ANY", "ANY", *names))
        target = chance.choice(("CONTINUE", "CONTINUE", "CONTINUE", "ACCEPT", "DROP", "REJECT"))
        priority = chance.choice((-20, -1, 1, 20))
        head = f'<policy target="{target}" priority="{priority + number}">'
        ends = f'<ingress-zone name="{ingress}"/><egress-zone name="HOST"/>'
        # firewalld 1.3 cannot load a policy from one zone that marks: it makes no chain for that.
        inside = "".join(_inside(four, six, marks=ingress == "ANY"))
        found[f"policies/p{number}.xml"] = f"{head}{ends}{inside}</policy>"
    return found


def _inside(four: Draw, six: Draw, *, marks: bool = True) -> Iterator[str]:
    chance = four.chance
    for name in chance.sample(_SERVICES, chance.randrange(3)):
        yield f'<service name="{name}"/>'
    for number in range(chance.randrange(3)):
        yield f'<port port="{four.ports("-")}" protocol="{("tcp", "udp", "sctp")[number]}"/>'
    if four.often(0.3):
        yield f'<protocol value="{chance.choice(("vrrp", "ah", "gre"))}"/>'
    if four.often(0.1):
        yield '<source-port port="1024-65535" protocol="udp"/>'
    # firewalld refuses a zone that has one rule twice.
    yield from dict.fromkeys(_rich(four, six, marks=marks) for _ in range(chance.randrange(6)))


def _rich(four: Draw, six: Draw, *, marks: bool) -> str:
    chance = four.chance
    draw = chance.choice((four, six))
    words, inner = [], []
    if four.often(0.4):
        words.append(f'priority="{chance.choice((-100, -5, 5, 100))}"')
    if four.often(0.7):
        words.append(f'family="ipv{draw.version}"')
        if four.often(0.4):
            inner.append(f"<source address={_hosts(chance, draw, draw.sources)}/>")
        if four.often(0.5):
            inner.append(f"<destination address={_hosts(chance, draw, draw.destinations)}/>")
    inner += _element(four, may_lack=bool(inner))
    # A reject needs a family.
    away = ["<drop/>", "<reject/>" if "family" in "".join(words) else "<drop/>"]
    mark = f'<mark set="{four.mark() or 7}"/>' if marks else "<accept/>"
    action = chance.choice(("<accept/>", "<accept/>", *away, mark, mark, mark))
    return f"<rule {' '.join(words)}>{''.join(inner)}{action}</rule>"


def _element(four: Draw, *, may_lack: bool) -> Iterator[str]:
    """What a rule is about; it needs none where it has addresses."""
    chance = four.chance
    ports = f'<port port="{four.ports("-")}" protocol="{chance.choice(("tcp", "tcp", "udp"))}"/>'
    service = f'<service name="{chance.choice(_SERVICES)}"/>'
    protocol = f'<protocol value="{chance.choice(("tcp", "udp", "vrrp", "ah"))}"/>'
    if not (may_lack and four.often(0.2)):
        yield chance.choice((ports, ports, service, protocol))


def _hosts(chance: Random, draw: Draw, pool: Sequence[Address]) -> str:
    hosts = draw.hosts(list(pool))
    if hosts.endswith("/0"):
        hosts = str(pool[0])
    return f'"{hosts}"{" invert=" + quoteattr("True") if chance.random() < 0.15 else ""}'
