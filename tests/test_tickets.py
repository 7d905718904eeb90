"""A ticket opens one door, once, within half a minute."""

from __future__ import annotations

from hashpass.testing import Clock
from hashpass.tickets import Tickets


def office(most: int = 256) -> Tickets:
    return Tickets(most=most, clock=Clock().monotonic)


def test_a_ticket_is_good_once() -> None:
    tickets = office()
    ticket = tickets.issue()
    assert tickets.take(ticket)
    assert not tickets.take(ticket)


def test_a_ticket_is_good_for_thirty_seconds() -> None:
    clock = Clock()
    tickets = Tickets(clock=clock.monotonic)
    early, late = tickets.issue(), tickets.issue()
    clock.advance(29.9)
    assert tickets.take(early)
    clock.advance(0.1)
    assert not tickets.take(late)
    assert len(tickets) == 0


def test_what_was_never_given_out_is_no_ticket() -> None:
    tickets = office()
    ticket = tickets.issue()
    for other in ("", "x", ticket + "x", ticket[:-1], ticket.swapcase(), "ü" * 43, "\ud800"):
        assert not tickets.take(other)
    assert tickets.take(ticket)


def test_tickets_are_long_and_all_different() -> None:
    tickets = office(1000)
    given = {tickets.issue() for _ in range(1000)}
    assert len(given) == 1000
    assert min(map(len, given)) == 43


def test_no_more_than_so_many_are_out_and_the_oldest_goes_first() -> None:
    tickets = office(3)
    first, *others = [tickets.issue() for _ in range(4)]
    assert len(tickets) == 3
    assert not tickets.take(first)
    assert all(tickets.take(ticket) for ticket in others)


def test_a_ticket_itself_is_kept_nowhere() -> None:
    tickets = office()
    ticket = tickets.issue()
    assert ticket not in repr(vars(tickets))
