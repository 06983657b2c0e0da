"""Another attempt, when the first one may just have had bad luck: for connecting and for reads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tasks.errors import NeverReachable, Unreachable

ATTEMPTS = 4
FIRST_WAIT = 0.5  # seconds; doubles each time, and a random part of it is waited
LONGEST_WAIT = 8.0
LATEST = 30.0

T = TypeVar("T")
log = logging.getLogger("lvsfleet.ssh")
cancelled = threading.Event()
"""Set on Ctrl-C: nobody waits for another attempt any more."""


def worth_retrying(error: BaseException) -> bool:
    """Whether the same again may succeed: the connection broke, or too many came at once.

    Never a refused login, host key or sudo (sshd penalises the source), nor a server with which
    there is no common ground, nor a name that does not exist.
    """
    return isinstance(error, Unreachable) and not isinstance(error, NeverReachable)


def retrying(
    action: Callable[[], T],
    *,
    name: str,
    attempts: int = ATTEMPTS,
    within: float = LATEST,
) -> T:
    """Do ``action``, again if it raises an Unreachable that may pass.

    Args:
        action: connecting, or a read; never a write.
        name: the router's name, for the log, which has a line before each wait.
        attempts: how often in all.
        within: seconds after which no further attempt begins.

    Raises:
        RouterError: what the last attempt raised.
    """
    begun = time.monotonic()
    try:
        return action()
    except Unreachable as error:
        if attempts < 2 or not worth_retrying(error):  # noqa: PLR2004 # that was the only one
            raise
        first: Unreachable | None = error
    # Only now: it takes 50 ms to import, and most runs never need it.
    import tenacity  # noqa: PLC0415

    def attempt() -> T:
        nonlocal first
        if first is not None:  # the attempt above counts as the first
            error, first = first, None
            raise error
        return action()

    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        text = f"{name}: {error.message if isinstance(error, Unreachable) else error}; "
        text += f"attempt {state.attempt_number + 1} of {attempts} in {wait:.1f} s"
        log.info("%s", text)

    left = within - (time.monotonic() - begun)
    retryer = tenacity.Retrying(
        retry=tenacity.retry_if_exception(worth_retrying),
        stop=tenacity.stop_after_attempt(attempts)
        | tenacity.stop_before_delay(max(0.0, left))
        | tenacity.stop_when_event_set(cancelled),
        wait=tenacity.wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT),
        sleep=tenacity.sleep_using_event(cancelled),
        before_sleep=tell,
        reraise=True,
    )
    return retryer(attempt)
