"""What is remembered of an edit: enough to take it back to the byte, and nothing around it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inventory.editing.delta import Delta

texts = st.lists(st.sampled_from([b"a: 1\n", b"  - 203.0.113.10\n", b"\xc3\xa4\r\n", b"x", b"\n"]))


def of(before: bytes, after: bytes) -> Delta:
    return Delta.of("/etc/hosts.yaml", "hosts.yaml", before, after)


@given(texts, texts)
def test_it_takes_any_change_back(before: list[bytes], after: list[bytes]) -> None:
    old, new = b"".join(before), b"".join(after)

    assert of(old, new).undone(new) == old


def test_only_the_bytes_that_change_are_kept() -> None:
    before = b"ams: {password: hunter2, vips: [203.0.113.10]}\nfra: {}\n"

    delta = of(before, before.replace(b"113.10", b"113.20"))

    assert [(each.old, each.new) for each in delta.splices] == [(b"1", b"2")]


def test_a_file_that_somebody_wrote_since_is_not_guessed_at() -> None:
    before, after = b"- 203.0.113.10\n", b"- 203.0.113.20\n"

    assert of(before, after).undone(b"# mine\n" + after) is None
    assert of(before, after).undone(before) is None
