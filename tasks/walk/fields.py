"""The tests that both languages of rules have: of addresses, ports, interfaces and marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from tasks.walk.answer import STRANGER, Answer, Span, merged, within, yes
from tasks.walk.packet import BITS, Seen, State

Test = Callable[[Seen, State], Answer]

SYN = 2
"""The flags of a first TCP packet, with the values that they have in its header."""
FLAGS = {"fin": 1, "syn": SYN, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}

ADVERT_TTL = 255


def constant(answer: Answer) -> Test:
    """The test that is always answered so."""
    return lambda _seen, _state: answer


def of_certain_sources(_seen: Seen, state: State) -> Answer:
    """Whether it comes from some addresses of which nothing else is known."""
    return Answer.NO if state.source == STRANGER else Answer.SOME


def of_destination(spans: Iterable[Span]) -> Test:
    """Whether it goes to some addresses."""
    ascending = merged(spans)
    return lambda seen, _state: within((seen.destination, seen.destination), ascending)


def of_ports(spans: Iterable[Span]) -> Test:
    """Whether it goes to some ports."""
    ascending = merged(spans)
    return lambda seen, _state: within(seen.ports, ascending) if seen.ports else Answer.NO


def of_source_ports(spans: Iterable[Span]) -> Test:
    """Whether it comes from some ports."""
    ascending = merged(spans)

    def holds(seen: Seen, _state: State) -> Answer:
        return within(seen.source_ports, ascending) if seen.source_ports else Answer.NO

    return holds


def of_protocols(numbers: Iterable[int | None]) -> Test:
    """Whether it is of some IP protocols; None is one that is neither a transport nor an advert."""
    known = frozenset(numbers)
    return lambda seen, _state: yes(seen.protocol in known)


def interface_is(name: str | None, pattern: str, wildcard: str) -> Answer:
    """Whether an interface has a name; behind the part before ``wildcard``, any end will do."""
    if name is None:
        return Answer.NO if pattern == "lo" else Answer.SOME
    if pattern.endswith(wildcard):
        return yes(name.startswith(pattern.removesuffix(wildcard)))
    return yes(name == pattern)


def network(text: str, version: int) -> tuple[int, int]:
    """An address with or without a mask as two numbers; ``10.0.0.0/8``, ``10.0.0.1/255.0.0.255``.

    Raises:
        ValueError: it is none of this version.
    """
    address, _, mask = text.partition("/")
    bits = BITS[version]
    if mask.isdigit():
        number = (2**bits - 1) ^ (2 ** (bits - int(mask)) - 1)
    else:
        number = _number(mask, version) if mask else 2**bits - 1
    return _number(address, version) & number, number


def span_of(base: int, mask: int, version: int) -> Span | None:
    """The addresses of a network in one span; None where its mask has gaps."""
    gap = mask ^ (2 ** BITS[version] - 1)
    return None if gap & (gap + 1) else (base, base | gap)


def masked(value: Span, base: int, mask: int) -> Answer:
    """Whether an address has the bits that a mask with gaps asks for."""
    low, high = value
    if value == STRANGER:
        return yes(base == mask == 0)
    return yes(low & mask == base) if low == high else Answer.SOME


def _number(text: str, version: int) -> int:
    address = ip_address(text)
    if address.version != version:
        raise ValueError(f"not of IP version {version}: {text}")
    return int(address)


def of_mark(mark: int | None, value: int, mask: int) -> Answer:
    """Whether a mark has a value, as far as a mask lets it be seen."""
    if mark is None:
        return Answer.YES if mask == value == 0 else Answer.UNKNOWN
    return yes(mark & mask == value)
