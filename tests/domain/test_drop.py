"""A limited number of invites: when the race is open, for whom, and for how many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.drop import Drop, DropRules, Win
from hashpass.domain.errors import CoolingDown, RaceClosed, VisitorDone
from hashpass.domain.values import Address

HOME = Address.parse("203.0.113.5")
AWAY = Address.parse("198.51.100.7")
NOW = 1_800_000_000.0


def test_without_rules_the_race_is_always_open_to_everybody() -> None:
    drop = Drop(DropRules())
    for _ in range(3):
        drop.check_open(NOW)
        drop.check_winner("v", HOME, NOW)
        drop.count(Win("v", HOME.key, NOW))
    assert drop.remaining is None
    assert drop.next_change(NOW) is None


def test_it_opens_and_closes_at_the_named_instants() -> None:
    drop = Drop(DropRules(opens_at=NOW, closes_at=NOW + 60))
    reasons = [drop.closed_for(NOW + seconds) for seconds in (-0.001, 0, 59.999, 60, 1e6)]
    assert reasons == ["not_open_yet", None, None, "ended", "ended"]
    assert [drop.next_change(NOW + seconds) for seconds in (-1, 0, 60)] == [NOW, NOW + 60, None]


def test_only_an_opening_heals_with_time() -> None:
    drop = Drop(DropRules(opens_at=NOW + 90, closes_at=NOW + 100))
    with pytest.raises(RaceClosed) as early:
        drop.check_open(NOW)
    assert early.value.retry_after == 90
    with pytest.raises(RaceClosed) as late:
        drop.check_open(NOW + 100)
    assert late.value.retry_after is None
    assert early.value.detail != late.value.detail


def test_a_stock_that_is_used_up_closes_the_race() -> None:
    drop = Drop(DropRules(code_limit=2), since=40, issued=1)
    assert (drop.remaining, drop.closed_for(NOW)) == (1, None)
    drop.count(Win("v", HOME.key, NOW))
    assert (drop.remaining, drop.closed_for(NOW)) == (0, "used_up")
    drop.count(Win("w", AWAY.key, NOW))  # an award that was on its way
    assert drop.remaining == 0


@pytest.mark.parametrize(("visitor", "where"), [("v", AWAY), ("w", HOME)])
def test_wins_count_by_visitor_and_by_address(visitor: str, where: Address) -> None:
    drop = Drop(DropRules(wins_per_visitor=1), wins=[Win("v", HOME.key, NOW)])
    with pytest.raises(VisitorDone):
        drop.check_winner(visitor, where, NOW + 1e9)
    drop.check_winner("w", AWAY, NOW)


def test_a_winner_waits_and_is_told_how_long() -> None:
    drop = Drop(DropRules(win_cooldown=60))
    drop.check_winner("v", HOME, NOW)
    drop.count(Win("v", HOME.key, NOW))
    with pytest.raises(CoolingDown) as cooling:
        drop.check_winner("v", AWAY, NOW + 20)
    assert cooling.value.retry_after == 40
    drop.check_winner("v", AWAY, NOW + 60)


def test_wins_before_the_epoch_of_a_stock_do_not_count() -> None:
    """Whoever builds a drop gives it the wins of its own span; there is no other memory."""
    Drop(DropRules(wins_per_visitor=1)).check_winner("v", HOME, NOW)


def test_nobody_is_remembered_while_no_rule_asks_for_it() -> None:
    drop = Drop(DropRules(code_limit=1000))
    for number in range(100):
        drop.count(Win(str(number), HOME.key, NOW))
    assert not drop._wins


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
def test_a_stock_and_its_winners_are_never_exceeded(stock: int, attempts: list[tuple[int, int]]) -> None:
    most = 2
    drop = Drop(DropRules(code_limit=stock, wins_per_visitor=most))
    won: list[tuple[int, int]] = []
    for moment, (visitor, place) in enumerate(attempts):
        address = Address.parse(f"203.0.113.{place}")
        try:
            drop.check_open(moment)
            drop.check_winner(str(visitor), address, moment)
        except (RaceClosed, VisitorDone):
            continue
        drop.count(Win(str(visitor), address.key, moment))
        won.append((visitor, place))
    assert len(won) <= stock
    for side in (0, 1):
        counts = [pair[side] for pair in won]
        assert all(counts.count(one) <= most for one in counts)


def test_a_winner_of_the_stock_before_still_waits_but_has_not_won_of_this_one() -> None:
    drop = Drop(DropRules(wins_per_visitor=1, win_cooldown=60), earlier=[Win("v", HOME.key, NOW)])
    with pytest.raises(CoolingDown):
        drop.check_winner("v", HOME, NOW + 59)
    drop.check_winner("v", HOME, NOW + 60)


def test_nobody_waits_longer_than_the_rule_says_whatever_the_clock_does() -> None:
    drop = Drop(DropRules(win_cooldown=60), wins=[Win("v", HOME.key, NOW)])
    with pytest.raises(CoolingDown) as cooling:
        drop.check_winner("v", HOME, NOW - 3600)
    assert cooling.value.retry_after == 60
