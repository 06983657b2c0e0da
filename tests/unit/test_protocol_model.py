"""The protocol, looked at whole: every order of steps, every death, at every moment.

The model and what it stands for are in tests/protocol/model.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.protocol import model
from tests.protocol.model import Found, Rules, State, explore


@pytest.mark.parametrize("shuts_out", [False, True])
def test_a_router_ends_wholly_old_or_wholly_new(shuts_out: bool) -> None:
    found = explore(Rules(), shuts_out=shuts_out)
    assert found.wrong == "", told(found)
    assert found.states > 20_000


@pytest.mark.parametrize(
    "faults",
    [
        {"kills": 2, "cuts": 0, "flips": 0, "reloads": 0, "tries": 4},
        {"kills": 0, "cuts": 3, "flips": 0, "reloads": 0},
        {"kills": 1, "cuts": 2, "flips": 0, "reloads": 0},
        {"kills": 0, "cuts": 0, "flips": 4, "reloads": 2},
        {"kills": 0, "cuts": 0, "flips": 2, "reloads": 0, "freezes": 2},
        {"kills": 1, "cuts": 0, "flips": 0, "reloads": 0, "freezes": 2, "tries": 4},
    ],
    ids=str,
)
def test_also_when_more_of_a_kind_goes_wrong(faults: dict[str, int]) -> None:
    found = explore(Rules(), start=State(**faults))  # type: ignore[arg-type]
    assert found.wrong == "", told(found)


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        # A commit that hung, and a revert that lost its patience with it: both do their work.
        (Rules(atomic_claim=False), "both committed and reverted"),
        (Rules(recovery=False), "for ever"),
        (Rules(claim_first=False), "a mixture"),
        (Rules(flock=False), "both committed and reverted|a mixture|for ever"),
        (Rules(timer_stays=False), "for ever|a mixture"),
        (Rules(tries_again=False), "for ever|a mixture"),
        (Rules(boot_is_told=False), "both committed and reverted|a mixture|for ever"),
        (Rules(armed_first=False), "a mixture"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_notices_what_is_taken_out(rules: Rules, wrong: str) -> None:
    found = explore(rules)
    assert any(words in found.wrong for words in wrong.split("|")), told(found)
    assert found.story


def test_a_change_that_shuts_out_ssh_is_only_ended_by_the_timer() -> None:
    """Without one the story ends with a router that nobody can reach."""
    found = explore(Rules(timer=False), shuts_out=True)
    assert found.wrong != ""


TASKS = Path(__file__).parents[2] / "tasks"
NAMED = re.compile(r"# ([a-z0-9-]+\.(?:sh|py))(?:, ([a-z_0-9]+))?: (.+)")


def test_what_a_step_is_said_to_stand_for_is_in_the_code() -> None:
    """Comments name a file, perhaps a function in it, and commands; … leaves some out."""
    text = Path(model.__file__).read_text()
    named = NAMED.findall(text)
    assert len(named) > 30
    missing = []
    for name, function, commands in named:
        file = TASKS / ("remote" if name.endswith(".sh") else "") / name
        code = file.read_text()
        if function and f"{function}(" not in code:
            missing.append(f"{name}: {function}")
        pieces = re.split(r"; | … |, ", commands)
        missing += [f"{name}: {piece}" for piece in pieces if piece not in code]
    assert missing == []


def told(found: Found) -> str:
    """The story of what went wrong, a step a line."""
    return "\n".join([found.wrong, *found.story])
