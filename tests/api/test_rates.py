"""Buckets: what they let through, when they let the next one, and who shares one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.rates import Buckets, Rates, owner_of_address
from gridmap.settings import Settings


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_holds_a_minute_and_says_when_the_next_request_may_come() -> None:
    clock = _Clock()
    buckets = Buckets(30, clock)
    assert [buckets.take("a") for _ in range(30)] == [None] * 30
    assert buckets.take("a") == 2, "30 a minute are one in two seconds"
    assert buckets.take("b") is None, "another's bucket is full"
    clock.now += 2
    assert buckets.take("a") is None
    assert buckets.take("a") == 2
    clock.now += 3600
    assert [buckets.take("a") for _ in range(31)].count(None) == 30, "it holds no more than a minute's worth"


def test_who_waits_as_told_gets_in() -> None:
    clock = _Clock()
    buckets = Buckets(7, clock)
    while (seconds := buckets.take("a")) is None:
        pass
    clock.now += seconds
    assert buckets.take("a") is None


def test_nothing_is_no_limit() -> None:
    assert {Buckets(0).take("a") for _ in range(10_000)} == {None}


@given(st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_no_more_come_through_than_a_bucket_and_what_flowed_in(pauses: list[float]) -> None:
    clock = _Clock()
    buckets = Buckets(60, clock)
    let_through = 0
    for pause in pauses:
        clock.now += pause
        let_through += sum(buckets.take("a") is None for _ in range(50))
    assert let_through <= 60 + sum(pauses) + 1e-6


@pytest.mark.parametrize(
    ("host", "owner"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("127.0.0.1", None),
        ("127.9.9.9", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        (None, None),
    ],
)
def test_an_address_shares_with_its_network_and_the_machine_itself_is_free(
    host: str | None, owner: str | None
) -> None:
    assert owner_of_address(host) == owner


def test_who_sees_many_addresses_forgets_the_oldest_not_the_memory() -> None:
    buckets = Buckets(2)
    for number in range(100_001):
        buckets.take(f"a{number}")
    assert len(buckets._left) == 100_000


def test_a_dispatcher_may_ask_most(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {name: field.default for name, field in Settings.model_fields.items() if name.startswith("rate_")}
    assert fields["rate_look_ups"] >= 5 * max(fields["rate_key"], fields["rate_address"])
    rates = Rates(Settings(rate_address=1, rate_key=2))
    assert rates.others("203.0.113.7").take("x") is None
    assert rates.others("203.0.113.7").take("x") == 60
    assert [rates.others("key x").take("key x") for _ in range(3)].count(None) == 2
    assert rates.look_ups.take("x") is None, "another bucket"
