"""The way of a cluster's routers to another VIP: stage by stage, what comes before what goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from inventory.rules import Address
from runbooks.probing import Probe
from runbooks.stages import Stage
from tasks import vip as router
from tasks.backends.protocol import Change
from tasks.observe import Observed
from tasks.standing import Standing
from tasks.vip import Move


def stages(
    moves: Mapping[str, Move], *, keepalived: bool, wait: float, probe: Probe | None = None
) -> list[Stage]:
    """The way there.

    Args:
        moves: what is to become of each router.
        keepalived: its files are changed; else somebody else does, and that is waited for.
        wait: seconds for that.
        probe: sends to the new VIP before the old one goes.
    """
    some = next(iter(moves.values()))
    new, old = some.new, some.old

    def planned(do: router.Plan) -> Callable[[str, Observed], Change]:
        return lambda name, observed: do(moves[name], observed)

    def of_others(name: str, _: Observed) -> Change:
        return Change(moves[name].both.backend)

    def held(new: Address, like: Address | None, standings: Mapping[str, Standing]) -> str:
        if probe is not None:
            probe.standings = standings
        return _held(new, like, standings)

    patience = 10.0 if keepalived else wait
    found: list[Stage] = []
    if new is not None:
        found.append(
            Stage(f"Marks for {new}", planned(router.let_in), saved=old is None, canary=True)
        )
        found.append(
            Stage(
                f"{new} into keepalived" if keepalived else f"Waiting for {new}",
                planned(router.take_up) if keepalived else of_others,
                then=partial(held, new, some.like),
                patience=patience,
                check=probe,
                together=old is not None and keepalived,
                ahead=keepalived,
            )
        )
    if old is not None:
        found.append(
            Stage(
                f"{old} out of keepalived" if keepalived else f"Waiting for {old} to go",
                planned(router.give_up) if keepalived else of_others,
                then=partial(_gone, old, new),
                patience=patience,
                seen=False,
            )
        )
        found.append(Stage(f"No more marks for {old}", planned(router.shut_out)))
    return found


def _held(new: Address, like: Address | None, standings: Mapping[str, Standing]) -> str:
    """What is wrong with who holds a VIP; empty where one router does, the one with its sibling."""
    holders = _holders(new, standings)
    if len(holders) != 1:
        return f"{new} is held by {' and '.join(holders) or 'nobody'}"
    beside = _holders(like, standings) if like is not None else holders
    if beside and beside != holders:
        return f"{new} is held by {holders[0]}, and {like} by {' and '.join(beside)}"
    return ""


def _gone(old: Address, new: Address | None, standings: Mapping[str, Standing]) -> str:
    holders = _holders(old, standings)
    if holders:
        return f"{old} is still held by {' and '.join(holders)}"
    return _held(new, None, standings) if new is not None else ""


def _holders(vip: Address, standings: Mapping[str, Standing]) -> list[str]:
    return [name for name, each in standings.items() if vip in each.addresses]
