"""A mark that a router gives today, and one that no inventory can describe."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from inventory.desired import Backend
from inventory.rules import Mark


@dataclass(frozen=True, slots=True)
class Found:
    """A mark rule.

    Attributes:
        mark: what it does.
        words: the rule as the router prints it.
        where: what it stands in, e.g. ``firewalld's zone public``.
        backend: the packet filter that this is.
    """

    mark: Mark
    words: str
    where: str
    backend: Backend


@dataclass(frozen=True, slots=True)
class Untold:
    """Something that stays out of the inventory.

    Attributes:
        words: the rule as the router prints it; empty where it is no rule.
        where: what it stands in.
        why: the reason.
        rules: the rules that it is about, as the router prints them, where ``words`` are none.
    """

    words: str
    where: str
    why: str
    rules: tuple[str, ...] = ()

    def goes_with(self, removed: Collection[str]) -> bool:
        """Whether one of its rules is among those that a rollout takes away."""
        return any(rule in removed for rule in (self.words, *self.rules) if rule)

    def __str__(self) -> str:
        said = f"{self.words} ({self.where})" if self.words else self.where
        return f"{said}: {self.why}"
