"""What a router says of a change that it took back."""

from __future__ import annotations

from typing import Any, cast

import pytest

from inventory.desired import Desired
from tasks import change
from tasks.errors import ApplyFailed
from tasks.shell import Completed

UNDO = """kept /etc/nftables.d/marks.nft.lvsfleet-found
cp: kept busy
kept /etc/nftables.d/marks.nft.lvsfleet-found
as it was before
"""
WORDS = "; what somebody wrote meanwhile is kept as /etc/nftables.d/marks.nft.lvsfleet-found"


class Answers:
    """A router that answers with these sections: a text and a status each."""

    def __init__(self, **sections: tuple[str, int]) -> None:
        self.sections = sections

    def run(self, _script: str, nonce: str, *_: str, **__: Any) -> Completed:
        frames = (
            f"\n@@{nonce}< {name}\n{text}\n@@{nonce}> {name} {status}\n"
            for name, (text, status) in self.sections.items()
        )
        return Completed(0, "".join(frames), "")


def router(**sections: tuple[str, int]) -> Any:
    return cast("Any", Answers(**sections))


@pytest.mark.parametrize(("undo", "words"), [(UNDO, WORDS), ("as it was before\n", "")])
def test_a_revert_says_where_it_kept_what_somebody_wrote(undo: str, words: str) -> None:
    assert change.revert(router(undo=(undo, 0)), run="r", deadline=1.0) == words


@pytest.mark.parametrize(("undo", "words"), [(UNDO, WORDS), ("as it was before\n", "")])
def test_so_does_a_commit_that_takes_back_what_it_could_not_save(undo: str, words: str) -> None:
    answers = router(save=("no room\n", 1), undo=(undo, 0))
    with pytest.raises(ApplyFailed) as told:
        change.commit(answers, Desired("ams1"), run="r", deadline=1.0)
    assert told.value.message.endswith(f": no room{words}")
