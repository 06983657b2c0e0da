"""Everything that a router filters with and that its keepalived is told, whoever put it there."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.keepalived.answer import config_of
from tasks.keepalived.config import Config
from tasks.observe import Observed, parse
from tasks.remote import script
from tasks.sections import new_nonce
from tasks.shell import Shell


@dataclass(frozen=True, slots=True)
class Survey:
    """What one router does today.

    Attributes:
        observed: as for a rollout, but of every zone that somebody uses and every packet filter.
        keepalived: its configuration; None where there is none.
    """

    observed: Observed
    keepalived: Config | None


def survey(shell: Shell, *, deadline: float) -> Survey:
    """Ask the router, in one exec; nothing is changed.

    Args:
        shell: a root shell on it.
        deadline: seconds.

    Raises:
        RouterError: it could not be asked, or its answer makes no sense.
    """
    nonce = new_nonce()
    observed = parse(shell.run(script("survey"), nonce, deadline=deadline), nonce)
    return Survey(observed, config_of(observed.sections))
