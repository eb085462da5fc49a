"""Room that many take from, and nobody twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from gridmap.coverage.room import Room


def test_parts_follow_each_other_until_there_is_no_room() -> None:
    room = Room(10, 100)
    assert [room.take(4, 10), room.take(4, 10), room.take(4, 10)] == [(0, 0), (4, 10), None]
    assert room.take(2, 81) is None
    assert room.take(2, 80) == (8, 20)
    assert room.nbytes == 10 * 4 + 100 * 8
    assert Room().take(1, 0) is None


def test_no_part_is_given_twice() -> None:
    room = Room(3000, 6000)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: room.take(3, 6), range(1000)))
    assert sorted(taken) == [(3 * i, 6 * i) for i in range(1000)]
