from __future__ import annotations

import pytest

from runbooks.exits import Exit, exit_code
from tasks.errors import Locked, RouterError, Unreachable
from tasks.outcome import Outcome, Status


def outcome(status: Status, error: RouterError | None = None) -> Outcome:
    return Outcome("r", status, error=error)


FINE = outcome(Status.UNCHANGED)
CHANGED = outcome(Status.CHANGED)
PLANNED = outcome(Status.PLANNED)
LOCKED = outcome(Status.FAILED, Locked("run x holds it"))
DOWN = outcome(Status.FAILED, Unreachable("no answer"))


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], Exit.OK),
        ([FINE, CHANGED], Exit.OK),
        ([FINE, PLANNED], Exit.DRIFT),
        ([PLANNED, LOCKED], Exit.LOCKED),
        ([LOCKED, LOCKED], Exit.LOCKED),
        ([LOCKED, DOWN], Exit.FAILED),
        ([LOCKED, outcome(Status.SKIPPED)], Exit.LOCKED),
        ([LOCKED, CHANGED, outcome(Status.SKIPPED)], Exit.LOCKED),
        ([PLANNED, DOWN], Exit.FAILED),
        ([outcome(Status.REVERTED, Unreachable("lost"))], Exit.FAILED),
        ([outcome(Status.UNKNOWN, Locked("x"))], Exit.FAILED),
        ([outcome(Status.SKIPPED)], Exit.FAILED),
    ],
)
def test_the_worst_decides(outcomes: list[Outcome], code: Exit) -> None:
    assert exit_code(outcomes) is code


@pytest.mark.parametrize("outcomes", [[], [FINE], [DOWN], [LOCKED], [PLANNED]])
def test_an_interrupt_comes_before_everything(outcomes: list[Outcome]) -> None:
    assert exit_code(outcomes, interrupted=True) == 130


def test_what_is_wrong_with_no_router_of_its_own_fails_all_the_same() -> None:
    assert exit_code([CHANGED], stopped=True) is Exit.FAILED
    assert exit_code([FINE, LOCKED], stopped=True) is Exit.LOCKED


def test_the_numbers_are_those_that_are_documented() -> None:
    assert {code.name: code.value for code in Exit} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "DRIFT": 3,
        "LOCKED": 4,
        "INTERRUPTED": 130,
    }
