"""Who goes when: one canary, then the BACKUPs, then the MASTERs; never two of a cluster at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WHOLE = 100  # percent


@dataclass(frozen=True, slots=True)
class Candidate:
    """A router that is to be changed.

    Attributes:
        name: its name.
        cluster: the routers of one cluster are never changed at once; None stands alone.
        master: it holds a VIP.
    """

    name: str
    cluster: str | None
    master: bool


@dataclass(frozen=True, slots=True)
class Share:
    """A number of routers, or a part of those concerned, as in ``--batch 5`` or ``--batch 10%``.

    Attributes:
        number: how many, or how many percent.
        percent: which of the two.
    """

    number: int
    percent: bool = False

    @classmethod
    def of_text(cls, text: str) -> Share:
        """From ``5`` or ``10%``.

        Raises:
            ValueError: it is neither.
        """
        match = re.fullmatch(r"(\d{1,6})(%?)", text, re.ASCII)
        if match is None or (match[2] and int(match[1]) > _WHOLE):
            raise ValueError(text)
        return cls(int(match[1]), bool(match[2]))

    def of(self, whole: int, *, least: int) -> int:
        """How many of ``whole`` that is, rounded down, but no fewer than ``least``."""
        return max(least, whole * self.number // 100 if self.percent else self.number)

    def __str__(self) -> str:
        """As it is given: ``5`` or ``10%``."""
        return f"{self.number}{'%' if self.percent else ''}"


def waves(candidates: Sequence[Candidate], batch: Share | None = None) -> list[list[str]]:
    """The routers of each wave, in order.

    Args:
        candidates: in the inventory's order, which decides where nothing else does.
        batch: how many routers at most in one wave; None is as many as there are.
    """
    if not candidates:
        return []
    backups = [each for each in candidates if not each.master]
    masters = [each for each in candidates if each.master]
    canary = (backups or masters)[0]
    limit = len(candidates) if batch is None else batch.of(len(candidates), least=1)
    planned = [[canary.name]]
    for group in (backups, masters):
        for layer in _layers(each for each in group if each is not canary):
            planned += [layer[i : i + limit] for i in range(0, len(layer), limit)]
    return planned


def _layers(candidates: Iterable[Candidate]) -> list[list[str]]:
    """The first router of each cluster, then the second of each, and so on."""
    layers: list[list[str]] = []
    seen: dict[str, int] = {}
    for each in candidates:
        depth = 0
        if each.cluster is not None:
            depth = seen.get(each.cluster, 0)
            seen[each.cluster] = depth + 1
        if depth == len(layers):
            layers.append([])
        layers[depth].append(each.name)
    return layers
