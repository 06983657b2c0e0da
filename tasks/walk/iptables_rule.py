"""A line of iptables-save as a rule: its conditions, then what its target does."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from tasks.walk import fields
from tasks.walk.answer import Answer, opposite
from tasks.walk.chain import Ask, End, From, Jump, Rule, Step, always, put
from tasks.walk.fields import Test
from tasks.walk.iptables_match import (
    LONG,
    OF_ALL,
    OF_CONNECTIONS,
    OF_NONE,
    OF_SOME,
    OPTIONS,
    Condition,
    has_connection,
    marked,
)
from tasks.walk.packet import State, Tracked

_ALL_BITS = 0xFFFFFFFF
_ENDS = {
    "ACCEPT": End.ACCEPT,
    "RETURN": End.RETURN,
    **dict.fromkeys(("DROP", "REJECT", "TARPIT", "DELUDE", "CHAOS", "STEAL"), End.AWAY),
    **dict.fromkeys(("REDIRECT", "NETMAP", "TPROXY"), End.UNCLEAR),
    **dict.fromkeys(("QUEUE", "NFQUEUE", "SYNPROXY"), End.UNCLEAR),
}
_HARMLESS = {
    "AUDIT", "CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNSECMARK", "DSCP", "ECN", "HL", "IDLETIMER",
    "LED", "LOG", "MASQUERADE", "NFLOG", "RATEEST", "SECMARK", "SET", "SNAT", "TCPMSS",
    "TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL", "ULOG",
}  # fmt: skip

_SAID_BY_ONE = {"recent", "rpfilter"}
"""Matches whose other options only say more of the one that asks."""


def rule_of(line: str, version: int, chains: Mapping[str, object]) -> Rule:
    """The rule of an ``-A`` line.

    Args:
        line: without counters.
        version: 4 or 6.
        chains: those of the table, since a target may be one.
    """
    try:
        words = shlex.split(line)[2:]
    except ValueError:
        words = ["-m", "not to be read"]
    at = next((n for n, word in enumerate(words) if LONG.get(word, word) in ("-j", "-g")), None)
    conditions = words if at is None else words[:at]
    steps: list[Step] = [_step(each) for each in _conditions(conditions, version)]
    if at is not None and len(words) > at + 1:
        is_goto = LONG.get(words[at], words[at]) == "-g"
        target, options = words[at + 1], _options_of_target(words[at + 2 :])
        steps += _target(target, options, is_chain=target in chains, is_goto=is_goto)
    return Rule(tuple(steps), lambda: line)


def _step(condition: Condition) -> Step:
    return condition if isinstance(condition, From) else Ask(condition)


def _conditions(words: list[str], version: int) -> Iterator[Condition]:
    module, negated = "", False
    rest = list(words)
    while rest:
        word = LONG.get(rest[0], rest[0])
        del rest[0]
        if word == "!":
            negated = True
            continue
        if word == "-m" and rest:
            module = rest.pop(0)
            yield from _of_module(module, rest)
        elif module not in OF_SOME or (module, word) in OPTIONS or ("", word) in OPTIONS:
            test = _option(module, word, rest, version)
            if test is not None:
                yield _not(test) if negated else test
        else:
            _values(rest)
        negated = False


def _of_module(module: str, rest: list[str]) -> Iterator[Test]:
    """What a match asks by itself."""
    if module in OF_SOME:
        if (module, rest[0] if rest else "") not in OPTIONS:
            yield fields.constant(Answer.SOME)
    elif module in OF_NONE:
        yield fields.constant(Answer.NO)
    elif module in OF_CONNECTIONS:
        yield has_connection
    elif module not in OF_ALL:
        yield fields.constant(Answer.UNKNOWN)


def _option(module: str, name: str, rest: list[str], version: int) -> Condition | None:
    """What an option asks; None where that is said by its match, or by another option of it."""
    known = OPTIONS.get((module, name)) or OPTIONS.get(("", name))
    if known is None:
        _values(rest)
        asks = not module or (module in OF_ALL | OF_CONNECTIONS and module not in _SAID_BY_ONE)
        return fields.constant(Answer.UNKNOWN) if asks else None
    count, read = known
    value = " ".join(rest[:count])
    del rest[:count]
    try:
        return read(value, version)
    except (ValueError, KeyError):
        return fields.constant(Answer.UNKNOWN)


def _values(rest: list[str]) -> list[str]:
    """The words that follow an option that is not known, up to the next one."""
    found = []
    while rest and rest[0] != "!" and not rest[0].startswith("-"):
        found.append(rest.pop(0))
    return found


def _not(test: Condition) -> Condition:
    if isinstance(test, From):
        return replace(test, negated=not test.negated)
    return lambda seen, state: opposite(test(seen, state))


def _options_of_target(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        name = rest.pop(0)
        found[name] = " ".join(_values(rest))
    return found


def _target(
    name: str, options: Mapping[str, str], *, is_chain: bool, is_goto: bool
) -> Iterator[Step]:
    if is_chain:
        yield always(Jump(name, back=not is_goto))
    elif name in ("MARK", "CONNMARK"):
        change = _marking(name, options)
        yield put(change)
    elif name == "HMARK":
        yield put(lambda state: replace(state, mark=None))
    elif name == "NOTRACK" or (name == "CT" and "--notrack" in options):
        yield put(State.untracked)
    elif name == "DNAT":
        yield always(_sent_to(options.get("--to-destination", "")))
    elif name != "CT" and name not in _HARMLESS:
        yield always(_ENDS.get(name, End.UNCLEAR))


def _sent_to(where: str) -> End:
    """Elsewhere, so that IPVS does not see it; but not surely where that is the router itself."""
    return End.UNCLEAR if where.startswith((":", "127.", "[::1]", "::1")) or not where else End.AWAY


def _marking(target: str, options: Mapping[str, str]) -> Callable[[State], State]:
    """What MARK and CONNMARK do; see iptables-extensions(8)."""
    name, value = next(iter(options.items()), ("", ""))
    try:
        if name in ("--save-mark", "--restore-mark"):
            return _copying(name, options)
        number, mask = marked(value)
    except ValueError:
        name, number, mask = "", 0, 0  # an option without a value: nothing can be said
    if target == "MARK":
        return lambda state: replace(state, mark=_new(name, state.mark, number, mask))
    return lambda state: (
        state
        if state.tracked is not Tracked.NEW
        else replace(state, ct_mark=_new(name, state.ct_mark, number, mask))
    )


def _new(option: str, now: int | None, value: int, mask: int) -> int | None:
    """A mark after one option of MARK; None where that cannot be said."""
    changes = {
        "--set-xmark": (mask, value),
        "--set-mark": (mask | value, value),
        "--and-mark": (value ^ _ALL_BITS, 0),
        "--or-mark": (value, value),
        "--xor-mark": (0, value),
    }
    clear, flip = changes.get(option, (None, 0))
    if clear is None or (now is None and clear != _ALL_BITS):
        return None
    return ((now or 0) & (clear ^ _ALL_BITS)) ^ flip


def _copying(name: str, options: Mapping[str, str]) -> Callable[[State], State]:
    """From the packet to its connection, or back.

    Raises:
        ValueError: a mask is none.
    """
    mask = options.get("--mask")
    of_packet = int(mask or options.get("--nfmask", "0xffffffff"), 0)
    of_connection = int(mask or options.get("--ctmask", "0xffffffff"), 0)

    def copy(state: State) -> State:
        if state.tracked is not Tracked.NEW:
            return state
        if name == "--save-mark":
            new = _joined(state.ct_mark, of_connection, state.mark, of_packet)
            return replace(state, ct_mark=new)
        return replace(state, mark=_joined(state.mark, of_packet, state.ct_mark, of_connection))

    return copy


def _joined(old: int | None, clear: int, new: int | None, kept: int) -> int | None:
    if new is None or (old is None and clear != _ALL_BITS):
        return None
    return ((old or 0) & (clear ^ _ALL_BITS)) ^ (new & kept)
