from __future__ import annotations

import pytest
from attrs import define

from hashpass.domain.errors import ShutOut
from hashpass.domain.values import Address
from hashpass.strikes import Strikes, StrikeVerdict

HOME = Address.parse("203.0.113.7")
NEXT_DOOR = Address.parse("203.0.113.8")
HOME6 = Address.parse("2001:db8:1:2::7")
SAME64 = Address.parse("2001:db8:1:2:ffff::8")
SAME48 = Address.parse("2001:db8:1:3::7")
ELSEWHERE6 = Address.parse("2001:db8:2::7")


@define
class Clock:
    now: float = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def strikes(clock: Clock) -> Strikes:
    return Strikes(clock)


def lie(strikes: Strikes, times: int, *addresses: Address, liars: int = 5) -> list[StrikeVerdict]:
    return [strikes.strike(f"liar {n % liars}", addresses[n % len(addresses)]) for n in range(times)]


def test_three_strikes_end_a_session(strikes: Strikes) -> None:
    assert [strikes.strike("s", HOME).revoke for _ in range(3)] == [False, False, True]
    assert not strikes.strike("other", HOME).revoke


def test_strikes_are_forgotten_after_ten_minutes(clock: Clock, strikes: Strikes) -> None:
    strikes.strike("s", HOME)
    clock.now += 1
    strikes.strike("s", HOME)
    clock.now += 599
    assert not strikes.strike("s", HOME).revoke
    assert strikes.strike("s", HOME).revoke


def test_three_within_ten_minutes_count_wherever_they_come_from(strikes: Strikes) -> None:
    assert [strikes.strike("s", address).revoke for address in (HOME, HOME6, NEXT_DOOR)] == [False, False, True]


def test_the_tenth_shuts_an_address_out_for_ten_minutes(clock: Clock, strikes: Strikes) -> None:
    assert [verdict.shut_out for verdict in lie(strikes, 10, HOME)] == [False] * 9 + [True]
    assert strikes.shut_out("innocent newcomer", HOME) == 600
    assert strikes.shut_out(None, HOME) == 600
    assert strikes.shut_out(None, NEXT_DOOR) is None
    clock.now += 590
    with pytest.raises(ShutOut) as refusal:
        strikes.check("innocent newcomer", HOME)
    assert refusal.value.retry_after == 10
    clock.now += 10
    strikes.check("innocent newcomer", HOME)
    strikes.check(None, HOME)


def test_whoever_has_proved_himself_plays_on(strikes: Strikes) -> None:
    strikes.proved("honest")
    lie(strikes, 10, HOME)
    strikes.check("honest", HOME)
    strikes.forget("honest")
    with pytest.raises(ShutOut):
        strikes.check("honest", HOME)


def test_one_or_two_liars_do_not_shut_their_address_out(strikes: Strikes) -> None:
    assert not any(verdict.shut_out for verdict in lie(strikes, 40, HOME, liars=2))
    assert strikes.strike("a third", HOME).shut_out


def test_ten_in_more_than_ten_minutes_do_not(clock: Clock, strikes: Strikes) -> None:
    for _ in range(30):
        clock.now += 61
        assert not any(verdict.shut_out for verdict in lie(strikes, 1, HOME))
        assert not strikes.strike("x", NEXT_DOOR).shut_out


def test_an_ended_session_still_counts_against_its_address(strikes: Strikes) -> None:
    for number in range(9):
        strikes.strike(f"s{number}", HOME)
        strikes.forget(f"s{number}")
    assert strikes.strike("s9", HOME).shut_out


def test_a_64_is_one_address(strikes: Strikes) -> None:
    assert lie(strikes, 10, HOME6, SAME64)[-1].shut_out
    assert strikes.shut_out(None, HOME6) == 600


def test_hopping_over_the_64s_of_a_48_shuts_all_of_it_out(strikes: Strikes) -> None:
    hops = [Address.parse(f"2001:db8:1:{n:x}::1") for n in range(10)]
    strikes.proved("honest neighbour")
    assert lie(strikes, 10, *hops)[-1].shut_out
    assert strikes.shut_out(None, Address.parse("2001:db8:1:abcd::1")) == 600
    assert strikes.shut_out("honest neighbour", HOME6) is None
    assert strikes.shut_out(None, ELSEWHERE6) is None


def test_ipv4_neighbours_do_not_add_up(strikes: Strikes) -> None:
    hops = [Address.parse(f"203.0.113.{n}") for n in range(10)]
    assert not lie(strikes, 10, *hops)[-1].shut_out


def test_after_a_shut_out_the_count_begins_anew(clock: Clock, strikes: Strikes) -> None:
    """Else each lie of someone who is exempt would lengthen it for the others."""
    lie(strikes, 10, HOME)
    clock.now += 300
    assert not any(verdict.shut_out for verdict in lie(strikes, 9, HOME))
    assert strikes.shut_out(None, HOME) == 300


def test_every_map_is_bounded(clock: Clock) -> None:
    strikes = Strikes(clock, max_keys=20)
    for number in range(200):
        address = Address.parse(f"2001:db8:{number:x}::1")
        lie(strikes, 10, address)
        strikes.strike(f"s{number}", address)
        strikes.proved(f"s{number}")
    sizes = (len(strikes._shut), len(strikes._proved), len(strikes._by_place.kept), len(strikes._by_session.kept))
    assert max(sizes) <= 20
    clock.now += 600
    for _ in range(50):
        strikes.strike("s", HOME)
    assert len(strikes._by_place.kept) == len(strikes._by_session.kept) == 1
