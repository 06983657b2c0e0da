from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.waves import Candidate, Share, waves


@st.composite
def fleets(draw: st.DrawFn) -> list[Candidate]:
    clusters = st.one_of(st.none(), st.sampled_from(["ams", "fra", "lon", "par"]))
    number = draw(st.integers(0, 30))
    return [Candidate(f"r{i}", draw(clusters), draw(st.booleans())) for i in range(number)]


shares = st.one_of(
    st.none(),
    st.builds(Share, st.integers(1, 40)),
    st.builds(Share, st.integers(1, 100), st.just(True)),
)


@given(fleets(), shares)
def test_everyone_once_and_never_two_of_a_cluster(
    fleet: list[Candidate], batch: Share | None
) -> None:
    planned = waves(fleet, batch)
    assert sorted(chain(*planned)) == sorted(each.name for each in fleet)
    assert all(planned)
    of = {each.name: each.cluster for each in fleet}
    for wave in planned:
        clusters = [of[name] for name in wave if of[name] is not None]
        assert len(clusters) == len(set(clusters))


@given(fleets(), shares)
def test_one_canary_then_the_backups_then_the_masters(
    fleet: list[Candidate], batch: Share | None
) -> None:
    planned = waves(fleet, batch)
    if not fleet:
        assert planned == []
        return
    master = {each.name: each.master for each in fleet}
    order = [master[name] for name in chain(*planned)]
    assert len(planned[0]) == 1
    assert order == sorted(order)  # False, a BACKUP, comes first
    for wave in planned:
        assert len({master[name] for name in wave}) == 1


@given(fleets(), shares)
def test_no_wave_is_larger_than_the_batch(fleet: list[Candidate], batch: Share | None) -> None:
    limit = len(fleet) if batch is None else batch.of(len(fleet), least=1)
    assert all(len(wave) <= limit for wave in waves(fleet, batch))


def test_the_inventorys_order_decides_where_nothing_else_does() -> None:
    fleet = [
        Candidate(f"{cluster}{i}", cluster, master=i == 1)
        for cluster in ("ams", "fra", "lon")
        for i in (1, 2, 3)
    ]
    assert waves(fleet) == [
        ["ams2"],
        ["ams3", "fra2", "lon2"],
        ["fra3", "lon3"],
        ["ams1", "fra1", "lon1"],
    ]
    assert waves(fleet, Share(2)) == [
        ["ams2"],
        *(["ams3", "fra2"], ["lon2"], ["fra3", "lon3"]),
        *(["ams1", "fra1"], ["lon1"]),
    ]


def test_where_all_are_masters_one_of_them_is_the_canary() -> None:
    fleet = [Candidate("a", "ams", master=True), Candidate("b", None, master=True)]
    assert waves(fleet) == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("share", "whole", "number"),
    [
        (Share(5), 100, 5),
        (Share(5), 3, 5),
        (Share(10, percent=True), 55, 5),
        (Share(10, percent=True), 5, 1),
        (Share(100, percent=True), 7, 7),
    ],
)
def test_a_share_is_rounded_down_but_never_to_nothing(
    share: Share, whole: int, number: int
) -> None:
    assert share.of(whole, least=1) == number


@given(st.integers(0, 999_999), st.booleans())
def test_a_share_comes_back_from_its_text(number: int, percent: bool) -> None:
    share = Share(min(number, 100) if percent else number, percent)
    assert Share.of_text(str(share)) == share


@pytest.mark.parametrize("text", ["", "-1", "1.5", "101%", "%", "10 %", "x", "1e3", "٣", "1000000"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Share.of_text(text)
