"""What refuses new connections to VIPs that drain: a table of nftables of its own, on any backend.

IPVS takes packets in LOCAL_IN at 98 and 99 (ip_vs_core.c), those of connections that it has
whatever their mark. Its chain comes behind that, so it sees only what nothing schedules. A rule in
INPUT would see all of them, and not tell new ones by conntrack: unless ``net.ipv4.vs.conntrack``
is 1, IPVS has conntrack forget its packets (ip_vs_notrack), and each is NEW.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inventory.desired import Backend, Desired, Draining, Refusal
from inventory.rules import Address
from tasks.backends.nft_json import objects
from tasks.backends.nft_saved import Saved
from tasks.backends.nft_table import DRAIN, FAMILY
from tasks.backends.nft_unit import Loader
from tasks.backends.protocol import Change
from tasks.errors import NotReady
from tasks.fingerprint import sum_of_table
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Where

WHAT = "drain"
"""The word of its part of a run, see ``parts.sh``."""

TABLE = f"{FAMILY} {DRAIN}"
OWN = "drain:own"
"""The section with the table."""

LOADER = Loader(
    name="lvsfleet-drain",
    about=f"Refusals of VIPs that drain: nftables' table {TABLE}",
    file="/etc/lvsfleet/drain.nft",
    drop_in="/etc/systemd/system/nftables.service.d/lvsfleet-drain.conf",
)

PRIORITY = 150
"""Behind IPVS's hooks (99) and source NAT (100)."""

CLEARED = f"table {TABLE}\ndelete table {TABLE}\n"
_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
_DADDR = {4: "ip daddr", 6: "ip6 daddr"}
_HOWS = (Draining.DROP, Draining.REJECT)
FRAME = (
    f"add table {TABLE}",
    *(
        f"add set {TABLE} {how}{version}"
        f" {{ type {_TYPES[version]} . inet_proto . inet_service; flags interval; }}"
        for how in _HOWS
        for version in _TYPES
    ),
    f"add chain {TABLE} input {{ type filter hook input priority {PRIORITY}; policy accept; }}",
    # A real server that is the router itself has its packets come on by here: of TCP only a first
    # one is new.
    f"add rule {TABLE} input tcp flags & (fin | syn | rst | ack) != syn accept",
    *(
        f"add rule {TABLE} input {_DADDR[version]} . meta l4proto . th dport @{how}{version} {how}"
        for how in _HOWS
        for version in _DADDR
    ),
)
"""All of the table but its elements, as the commands that make it."""

_ENDS = ("accept", *(how.value for how in _HOWS for _ in _DADDR))
"""How its rules end, in order."""


@dataclass(frozen=True, slots=True)
class State:
    """All of it on one router.

    Attributes:
        running: the commands that would make the table that runs; empty for none. What lvsfleet
            would not write is there in words of its own.
        saved: what is there of it for the next boot.
    """

    running: tuple[str, ...] = ()
    saved: Saved = field(default_factory=lambda: Saved(LOADER))

    @classmethod
    def doing(cls, refusals: Iterable[Refusal]) -> State:
        """How it should be for these; nothing for none."""
        elements = sorted({element_line(each) for each in refusals})
        if not elements:
            return cls()
        lines = (*FRAME, *elements)
        return cls(lines, Saved.whole(LOADER, _text(lines)))


def element_line(each: Refusal) -> str:
    """The command that adds what is refused."""
    key = f"{each.vip} . {each.protocol.value} . {each.ports}"
    return f"add element {TABLE} {each.how}{each.vip.version} {{ {key} }}"


def _text(lines: Iterable[str]) -> str:
    return CLEARED + "".join(f"{line}\n" for line in lines)


def plan(desired: Desired, observed: Observed, backend: Backend) -> Change:
    """The change from what refuses to what should; its edits are empty where that is so.

    Args:
        desired: what the router should be.
        observed: what it is.
        backend: what has its marks.

    Raises:
        NotReady: it could not tell what has its marks, at the next look.
        NotUnderstood: nft's answer makes no sense.
    """
    if desired.refusals and desired.backend is Backend.AUTO and backend is not Backend.NFTABLES:
        # What auto goes by is what there is, and another table of nftables would be there.
        raise NotReady(
            "a VIP drains with reject or drop, for which nftables has a table, and the inventory"
            " leaves it to the router what has its marks",
            f"Say backend: {backend.value} in the inventory",
        )
    return change(observed, State.doing(desired.refusals), backend, _services(desired))


def plan_back(edits: Iterable[Edit], before: Observed, now: Observed, backend: Backend) -> Change:
    """The change that takes an earlier one back: to what there was before it."""
    services = {each.rule: each.service for each in edits}
    return change(now, state_of(before), backend, services.get)


def is_ours(edit: Edit) -> bool:
    """Whether an edit is of this table, or of what loads it."""
    return edit.scope == TABLE or edit.rule in (*LOADER.texts, LOADER.enable)


def state_of(observed: Observed) -> State:
    """All of it as it is.

    Raises:
        NotUnderstood: nft's answer makes no sense.
    """
    own = observed.text(OWN)
    return State(tuple(_running(own)) if own else (), Saved.of(observed, LOADER))


def change(
    observed: Observed, then: State, backend: Backend, service: Callable[[str], str | None]
) -> Change:
    """The change that brings all of it to ``then``.

    Args:
        observed: what the router is.
        then: how it is to be.
        backend: what has its marks.
        service: whose a command is, for the diff.
    """
    now = state_of(observed)
    edits = [
        *_edits(Where.RUNTIME, now.running, then.running, service),
        *_edits(Where.SAVED, _stored(now.saved.text), _stored(then.saved.text), service),
        *now.saved.edits_to(then.saved),
    ]
    if not edits:
        return Change(backend, (), what=WHAT)
    own = observed.sections.get(OWN)
    do = "" if now.running == then.running else _text(then.running)
    files = {"seen": f"{sum_of_table(own.text if own else '')}\n", "do/table": do}
    running = (f"nft -f - <<'END'\n{do}END",) if do else ()
    return Change(
        backend,
        tuple(edits),
        # As of the table with the marks: ``drain.sh`` does the same under other names.
        files=files | now.saved.files_to(then.saved),
        commands=(*running, *now.saved.commands_to(then.saved)),
        what=WHAT,
    )


def _running(own: str) -> Iterator[str]:
    """The table as commands, from ``nft --json list table``, in the order of `FRAME`."""
    elements: list[str] = []
    ends: list[str] = []
    sets: set[str] = set()
    chains: list[tuple[object, ...]] = []
    for kind, body in objects(own):
        name = str(body.get("name", ""))
        if kind == "set":
            sets.add(name)
            elements += (_element(name, each) for each in body.get("elem") or ())
        elif kind == "chain":
            chains.append(tuple(body.get(key) for key in ("name", "hook", "prio", "policy")))
        elif kind == "rule":
            ends += (next(iter(each)) for each in body.get("expr", ())[-1:])
        elif kind != "table":
            sets.add(f"{kind} {name}")
    known = (
        sets == {f"{how}{version}" for how in _HOWS for version in _TYPES}
        and chains == [("input", "input", PRIORITY, "accept")]
        and tuple(ends) == _ENDS
    )
    yield from FRAME if known else (f"# a table {TABLE} that lvsfleet did not write",)
    yield from sorted(elements)


def _element(name: str, element: object) -> str:
    match element:
        case {"concat": [str(address), str() | int() as protocol, port]}:
            said = "-".join(map(str, port["range"])) if isinstance(port, dict) else str(port)
            key = f"{address} . {_NUMBERS.get(protocol, protocol)} . {said}"
        case _:
            key = str(element)
    return f"add element {TABLE} {name} {{ {key} }}"


_NUMBERS: Mapping[object, str] = {6: "tcp", 17: "udp", 132: "sctp"}
"""nft prints a protocol as a number where the router has no /etc/protocols."""


def _stored(text: str | None) -> tuple[str, ...]:
    """What a saved file does, as the commands in it."""
    return tuple((text or "").removeprefix(CLEARED).splitlines())


def _edits(
    where: Where,
    before: tuple[str, ...],
    after: tuple[str, ...],
    service: Callable[[str], str | None],
) -> Iterator[Edit]:
    for op, lines, others in ((Op.ADD, after, before), (Op.REMOVE, before, after)):
        for line in lines:
            if line not in others:
                yield Edit(op, where, line, service(line), TABLE)


def _services(desired: Desired) -> Callable[[str], str | None]:
    """Whose VIP a command is about."""
    found: dict[Address, str] = {
        vip: service.name for service in desired.services for vip in service.vips
    }
    by_word = {str(vip): name for vip, name in found.items()}
    return lambda line: next((by_word[word] for word in line.split() if word in by_word), None)
