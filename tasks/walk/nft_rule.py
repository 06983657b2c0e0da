"""A rule of nftables as steps: matches ask, statements change the packet, verdicts decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tasks.walk import fields
from tasks.walk.answer import Answer, opposite, yes
from tasks.walk.chain import Action, Ask, Do, End, From, Jump, Rule, Set, Step, always, put
from tasks.walk.nft_atom import Sets, addresses
from tasks.walk.nft_match import Amount, amount_of, lookup, test_of
from tasks.walk.nft_words import words_of
from tasks.walk.packet import Seen, State, Tracked

Expression = Mapping[str, Any]

_ENDS = {
    "accept": End.ACCEPT,
    "return": End.RETURN,
    "continue": End.GO_ON,
    "drop": End.AWAY,
    **dict.fromkeys(("queue", "tproxy", "synproxy", "redirect", "fwd"), End.UNCLEAR),
}
_HARMLESS = {
    "counter", "log", "comment", "last", "dup", "flow", "secmark", "snat", "masquerade", "tunnel",
    "ct helper", "ct timeout", "ct expectation", "limit name",
}  # fmt: skip
_OF_SOME = {"limit", "quota", "ct count", "connlimit", "meter"}
_HARMLESS_TARGETS = {
    "AUDIT", "CHECKSUM", "CLASSIFY", "CONNSECMARK", "CT", "DSCP", "HL", "LOG", "NFLOG", "SECMARK",
    "SET", "TCPMSS", "TEE", "TRACE", "TTL",
}  # fmt: skip


def rule_of(expressions: Iterable[Expression], comment: str, sets: Sets) -> Rule:
    """A rule.

    Args:
        expressions: as ``nft --json list`` prints them.
        comment: the rule's.
        sets: the named sets of its table.
    """
    listed = tuple(expressions)
    steps = [step for each in listed for step in _steps(each, sets)]
    return Rule(tuple(steps), lambda: words_of(listed, comment))


def _steps(expression: Expression, sets: Sets) -> Iterator[Step]:
    kind, value = next(iter(expression.items()), ("", None))
    if kind in _ENDS:
        yield always(_ENDS[kind])
    elif kind in ("jump", "goto"):
        yield always(_jump(kind, value))
    elif kind in _READERS:
        yield from _READERS[kind](value if isinstance(value, dict) else {}, sets)
    elif kind in _OF_SOME:
        yield Ask(fields.constant(Answer.SOME))
    elif kind not in _HARMLESS:
        yield Ask(fields.constant(Answer.UNKNOWN))


def _match(value: Expression, sets: Sets) -> Iterator[Step]:
    op, left, right = str(value.get("op", "==")), value.get("left"), value.get("right")
    match left:
        case {"payload": {"protocol": "ip" | "ip6" as family, "field": "saddr"}}:
            spans = addresses(right, sets)
            if spans is not None and op in ("==", "!="):
                yield From(4 if family == "ip" else 6, spans, op == "!=")
                return
            if sets.is_hidden(right) and op in ("==", "!="):
                version = 4 if family == "ip" else 6
                yield Ask(lambda seen, _state: yes(seen.version == version))
                yield Ask(
                    _not(fields.of_certain_sources) if op == "!=" else fields.of_certain_sources
                )
                return
    yield Ask(test_of(op, left, right, sets))


def _not(test: fields.Test) -> fields.Test:
    return lambda seen, state: opposite(test(seen, state))


def _notrack(_value: Expression, _sets: Sets) -> Iterator[Step]:
    yield put(State.untracked)


def _into_set(value: Expression, _sets: Sets) -> Iterator[Step]:
    """Adding to a set; with a limit for each element it goes on for some only."""
    if any(key in _OF_SOME for each in value.get("stmt") or () for key in each):
        yield Ask(fields.constant(Answer.SOME))


def _reject(value: Expression, _sets: Sets) -> Iterator[Step]:
    """Away; by ICMP of one IP version, only packets of that.

    nft makes a condition of that, and leaves it out when it lists the rule (its
    stmt_reject_gen_dependency and payload_dependency_kill).
    """
    version = _REJECT_BY.get(str(value.get("type")))
    if version is not None:
        yield Ask(lambda seen, _state: yes(seen.version == version))
    yield always(End.AWAY)


_REJECT_BY = {"icmp": 4, "icmpv6": 6}


def _jump(kind: str, value: Any) -> Action:
    target = value.get("target") if isinstance(value, dict) else value
    return Jump(target, back=kind == "jump") if isinstance(target, str) else End.UNCLEAR


def _action(verdict: Any) -> Action:
    kind, value = (
        next(iter(verdict.items()), ("", None)) if isinstance(verdict, dict) else ("", None)
    )
    return _jump(kind, value) if kind in ("jump", "goto") else _ENDS.get(kind, End.UNCLEAR)


def _chosen(value: Expression, sets: Sets) -> Iterator[Step]:
    """The verdict that a map has for a key; where there is none, the rule does nothing."""
    find = lookup(value.get("key"), value.get("data"), sets)

    def options(seen: Seen, state: State) -> Sequence[tuple[Answer, Action]]:
        return [(answer, _action(verdict)) for answer, verdict in find(seen, state)]

    yield Do(options)


def _sent_to(value: Expression, _sets: Sets) -> Iterator[Step]:
    """Elsewhere, so that IPVS does not see it; but not surely where that is the router itself."""
    where = value.get("addr")
    is_else = isinstance(where, str) and not where.startswith("127.") and where != "::1"
    yield always(End.AWAY if is_else else End.UNCLEAR)


def _changing(value: Expression, sets: Sets) -> Iterator[Step]:
    amount = amount_of(value.get("value"), sets)
    match value.get("key"):
        case {"meta": {"key": "mark"}}:
            yield _put(amount, lambda state, number: replace(state, mark=number))
        case {"ct": {"key": "mark"}}:
            yield _put(amount, _mark_connection)
        case {"payload": {"field": "daddr" | "saddr" | "dport" | "sport"}}:
            yield always(End.UNCLEAR)


def _mark_connection(state: State, number: int | None) -> State:
    return replace(state, ct_mark=number) if state.tracked is Tracked.NEW else state


def _put(amount: Amount, change: Callable[[State, int | None], State]) -> Set:
    def options(seen: Seen, state: State) -> Sequence[tuple[Answer, State]]:
        return [(answer, change(state, number)) for answer, number in amount(seen, state)]

    return Set(options)


def _of_iptables(value: Expression, _sets: Sets) -> Iterator[Step]:
    """A match or target of iptables-nft, of which nft tells the name at most."""
    kind, name = str(value.get("type", "")), str(value.get("name", ""))
    if name in ("MARK", "CONNMARK"):
        yield put(lambda state: replace(state, mark=None, ct_mark=None))
    elif kind == "match":
        if name != "comment":
            yield Ask(fields.constant(Answer.UNKNOWN))
    elif name not in _HARMLESS_TARGETS:
        yield always(End.UNCLEAR)


_READERS: dict[str, Callable[[Expression, Sets], Iterator[Step]]] = {
    "match": _match,
    "vmap": _chosen,
    "mangle": _changing,
    "notrack": _notrack,
    "reject": _reject,
    "dnat": _sent_to,
    "set": _into_set,
    "xt": _of_iptables,
}
