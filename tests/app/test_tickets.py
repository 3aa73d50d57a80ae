"""Tickets: genuine ones hold for an hour, and nothing else does."""

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import tickets
from chalicelib.tickets import Ticket

SECRET, NOW = "8f742231b10e8888abcd99yyyzzz85a5", 1_800_000_000.0
TICKET = Ticket("T1", "U1", "F1", "C1", tickets.MEMBER)
GENUINE = tickets.issue(SECRET, TICKET, NOW)
IDS = st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=18)


@given(
    ticket=st.builds(Ticket, IDS, IDS, IDS, IDS, st.sampled_from([tickets.PUBLIC, tickets.MEMBER])),
    secret=st.text(string.printable, min_size=1),
    age=st.floats(0, 3599),
)
def test_a_ticket_is_what_was_issued(ticket: Ticket, secret: str, age: float) -> None:
    text = tickets.issue(secret, ticket, NOW)
    assert tickets.read(secret, text, NOW + age) == ticket
    assert len(text) <= tickets.LONGEST
    assert set(text) <= set(string.ascii_letters + string.digits + "._-")


@pytest.mark.parametrize("age", [3600, 3601, 86_400, -2, -3600])
def test_a_ticket_holds_for_an_hour_and_not_before_it_was_issued(age: int) -> None:
    assert tickets.read(SECRET, GENUINE, NOW + 3599)
    assert tickets.read(SECRET, GENUINE, NOW + age) is None


@pytest.mark.parametrize("other", ["", "another", SECRET + "0", SECRET[:-1], SECRET.upper()])
def test_a_ticket_of_another_secret_is_none(other: str) -> None:
    assert tickets.read(other, GENUINE, NOW) is None


@pytest.mark.parametrize(
    "other",
    [
        TICKET._replace(team="T2"),
        TICKET._replace(user="U2"),
        TICKET._replace(file="F2"),
        TICKET._replace(channel="C2"),
        TICKET._replace(ground=tickets.PUBLIC),
        TICKET._replace(team="T1U1", user=""),
    ],
)
def test_the_signature_of_one_ticket_is_no_use_for_another(other: Ticket) -> None:
    forgery = tickets.issue(SECRET, other, NOW).rpartition(".")[0] + "." + GENUINE.rpartition(".")[2]
    assert tickets.read(SECRET, forgery, NOW) is None


def test_ten_thousand_mangled_tickets_let_nobody_in() -> None:
    """Cut, grown, with characters changed, swapped and repeated: all but the ticket itself are refused."""
    draw = random.Random(1)
    alphabet = string.ascii_letters + string.digits + "._-= \n\0é"
    for _ in range(10_000):
        characters = list(GENUINE)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(characters))
            characters[at : at + draw.randint(0, 2)] = draw.choices(alphabet, k=draw.randint(0, 2))
        text = "".join(characters)
        assert (tickets.read(SECRET, text, NOW) is not None) == (text == GENUINE), text


@pytest.mark.long
@settings(max_examples=500)
@given(st.text() | st.from_regex(r"v2(\.[A-Z0-9]{1,18}){4}\.[pm]\.[0-9]{10}\.[A-Za-z0-9_-]{43}", fullmatch=True))
def test_whatever_somebody_makes_up_is_no_ticket(text: str) -> None:
    assert tickets.read(SECRET, text, NOW) is None


def test_each_bit_of_the_signature_counts() -> None:
    """43 characters of base64 hold 258 bits: the last two, which no decoder reads, are compared as well."""
    text, _, signature = GENUINE.rpartition(".")
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    others = [f"{text}.{signature[:-1]}{last}" for last in alphabet if last != signature[-1]]
    assert [tickets.read(SECRET, other, NOW) for other in others] == [None] * 63


def test_a_ticket_of_another_version_is_none() -> None:
    assert tickets.read(SECRET, "v1" + GENUINE[2:], NOW) is None
