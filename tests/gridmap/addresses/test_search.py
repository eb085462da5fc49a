"""From what is said to desks: numbers that do not exist, streets alone, crossings, former names, sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import text

from gridmap.actions.addresses import refresh_addresses
from gridmap.addresses.answer import (
    EXACT,
    NOT_FOUND,
    SAME_DESK,
    SEVERAL_DESKS,
    STATUSES,
    AddressAnswer,
    area_names,
    areas_at,
    group,
)
from gridmap.addresses.search import LONGEST_ADDRESS, NAME_SCORES, PLACE_SCORES, Candidate, Found, search
from gridmap.coverage.snapshot import Snapshot
from gridmap.errors import InvalidInput
from gridmap.model import PUBLIC
from gridmap.store.addresses import StoredAddresses
from gridmap.store.database import Connection, Database
from gridmap.store.snapshot import read_snapshot

Find = Callable[..., Found]


@pytest.fixture(scope="module")
def snapshot(heping: Database) -> Snapshot:
    with heping.begin(PUBLIC) as connection:
        return read_snapshot(connection, datetime.now(UTC), None)


@pytest.fixture
def find(connection: Connection, snapshot: Snapshot) -> Find:
    names = area_names(snapshot.grid)

    def ask(said: str, within: frozenset[str] = frozenset()) -> Found:
        return search(StoredAddresses(connection), names, partial(areas_at, snapshot.grid), said, within)

    return ask


def building(connection: Connection, where: str = "true") -> tuple[str, int, float, float]:
    """A building's street, number and point."""
    row = connection.execute(
        text(
            "SELECT street, CAST(rtrim(number, '号') AS integer), ST_X(geom), ST_Y(geom) FROM building "
            f"JOIN element ON element.id = element_id WHERE {where} ORDER BY external_id LIMIT 1"
        )
    ).one()
    return tuple(row)  # type: ignore[return-value]


def test_an_exact_address_is_one_place(connection: Connection, find: Find, snapshot: Snapshot) -> None:
    street, number, lon, lat = building(connection)
    found = find(f"{street}{number}号")
    assert found.candidates[0].points == ((lon, lat),)
    assert found.candidates[0].reasons == ("exact_name", "exact_number")
    answer = group(snapshot, found, snapshot.taken_at)
    assert answer.exact is not None
    assert answer.exact.cell is not None
    assert answer.status == EXACT
    assert answer.asks == ()


def test_what_sounds_like_it_keeps_an_address_from_being_exact(
    connection: Connection, find: Find, snapshot: Snapshot
) -> None:
    street, number, *_ = building(connection)
    like = text(
        "UPDATE building SET street = :street, number = :number "
        "WHERE element_id = (SELECT max(element_id) FROM building)"
    )
    connection.execute(like, {"street": street.replace("义", "议"), "number": f"{number}号"})
    refresh_addresses(connection)
    found = find(f"{street}{number}号")
    assert [one.reasons[0] for one in found.candidates] == ["exact_name", "same_sound"]
    answer = group(snapshot, found, snapshot.taken_at)
    assert answer.status in {SAME_DESK, SEVERAL_DESKS}
    assert answer.exact is None


def test_a_number_that_does_not_exist_lies_between_its_neighbours(connection: Connection, find: Find) -> None:
    street, lower, upper = connection.execute(
        text(
            "SELECT name.name, one.number, other.number FROM address one "
            "JOIN address other USING (name_id, kind) JOIN address_name name ON name.id = name_id "
            "WHERE one.kind = 'number' AND other.number = one.number + 2 "
            "AND ST_Distance(one.geom::geography, other.geom::geography) < 200 ORDER BY 1, 2 LIMIT 1"
        )
    ).one()
    connection.execute(
        text("UPDATE address SET number = number + 2 WHERE kind = 'number' AND number >= :upper"), {"upper": upper}
    )
    found = find(f"{street}{upper}号")
    reasons = {one.reasons[-1]: one for one in found.candidates}
    assert set(reasons) == {"between_numbers", "next_number"}
    between = reasons["between_numbers"]
    assert between.accuracy_m > 0
    assert f"{lower}号与{upper + 2}号之间" in between.text
    assert found.candidates[0] == between
    assert not between.exact


def test_a_street_alone_is_all_along_it(connection: Connection, find: Find, snapshot: Snapshot) -> None:
    street = connection.execute(
        text("SELECT street FROM building GROUP BY street ORDER BY count(*) DESC LIMIT 1")
    ).scalar_one()
    found = find(street)
    longest = next(one for one in found.candidates if one.text == street)
    with_buildings = connection.execute(
        text(
            "SELECT ST_X(geom), ST_Y(geom) FROM building JOIN element ON element.id = element_id WHERE street = :s"
        ),
        {"s": street},
    ).all()
    assert set(map(tuple, with_buildings)) < set(longest.points)
    assert found.crossings
    answer = group(snapshot, found, snapshot.taken_at)
    assert answer.exact is None
    if answer.status == SEVERAL_DESKS:
        assert {"number", "crossing"} <= {ask.about for ask in answer.asks}


def test_a_name_that_is_said_comes_before_what_only_sounds_like_it() -> None:
    for alone in ("street_only", "estate_only"):
        assert (
            NAME_SCORES["exact_name"] * PLACE_SCORES[alone]
            > NAME_SCORES["same_sound"] * PLACE_SCORES["exact_place"]
        )


def test_a_crossing_either_way_round(connection: Connection, find: Find) -> None:
    one, other, lon, lat = connection.execute(
        text(
            "SELECT one.name, other.name, ST_X(geom), ST_Y(geom) FROM address JOIN address_name one "
            "ON one.id = name_id JOIN address_name other ON other.id = other_id WHERE address.kind = 'crossing' "
            "ORDER BY 1, 2 LIMIT 1"
        )
    ).one()
    for said in (f"{one}与{other}交口", f"{other}和{one}的路口", f"{one}{other}交叉口"):
        found = find(said)
        assert found.candidates[0].reasons == ("exact_name", "exact_crossing"), said
        assert any((lon, lat) in each.points for each in found.candidates)


def test_streets_that_do_not_cross_are_both_shown(connection: Connection, find: Find) -> None:
    one, other = connection.execute(
        text(
            "SELECT one.name, other.name FROM address_name one JOIN address_name other ON one.id < other.id "
            "WHERE one.kind = 'street' AND other.kind = 'street' AND NOT EXISTS (SELECT FROM address WHERE "
            "address.kind = 'crossing' AND (name_id, other_id) IN ((one.id, other.id), (other.id, one.id))) "
            "ORDER BY 1, 2 LIMIT 1"
        )
    ).one()
    found = find(f"{one}与{other}交口")
    assert {one, other} <= {each.text for each in found.candidates}
    assert all("no_such_crossing" in each.reasons for each in found.candidates)


def test_a_former_name_leads_to_the_present_one(connection: Connection, find: Find) -> None:
    street, number, lon, lat = building(connection)
    refresh_addresses(connection, [("老城厢大街", street, "1953")])
    found = find(f"老城厢大街{number}号")
    assert found.candidates[0].points == ((lon, lat),)
    assert found.candidates[0].reasons == ("former_name", "exact_number")
    assert not found.candidates[0].exact


def test_the_demo_has_former_names(connection: Connection, find: Find) -> None:
    former, name = connection.execute(text("SELECT alias, name FROM address_alias ORDER BY 1 LIMIT 1")).one()
    assert name in {one.name for one in find(former).candidates}


def test_a_shop_in_a_street_is_near_it(connection: Connection, find: Find) -> None:
    street, lon, lat = connection.execute(
        text(
            "SELECT street, ST_X(geom), ST_Y(geom) FROM building JOIN element ON element.id = element_id "
            "WHERE EXISTS (SELECT FROM line "
            "WHERE line.name = street AND ST_DWithin(line.geom, element.geom, 0.0005)) "
            "ORDER BY external_id LIMIT 1"
        )
    ).one()
    shop = text(
        "UPDATE element SET name = '金拱门快餐', given_x = :lon, given_y = :lat, "
        "geom = ST_SetSRID(ST_MakePoint(:lon, :lat), 4326) WHERE id = (SELECT min(id) FROM element "
        "WHERE class = 'organization')"
    )
    connection.execute(shop, {"lon": lon, "lat": lat})
    refresh_addresses(connection)
    first = find(f"{street}那个金拱门快餐旁边").candidates[0]
    assert first.text == "金拱门快餐"
    assert first.reasons == ("exact_name", "exact_place", "on_the_street", "near_it")
    assert not first.exact


def test_another_district_than_said_is_less_sure(connection: Connection, find: Find, snapshot: Snapshot) -> None:
    street, number, lon, lat = building(connection)
    chain = areas_at(snapshot.grid, [(lon, lat)])[0]
    elsewhere = next(code for code in snapshot.grid.areas if len(code) == 9 and code not in chain)
    here = find(f"{street}{number}号", frozenset(chain[:1])).candidates[0]
    there = find(f"{street}{number}号", frozenset({elsewhere})).candidates[0]
    assert here.reasons[-1] == "area_agrees"
    assert there.reasons[-1] == "other_area"
    assert there.score == here.score / 2
    assert here.exact
    assert not there.exact


def test_a_whole_area_is_answered_by_its_desk(find: Find, snapshot: Snapshot) -> None:
    answer = group(snapshot, find("劝业场街道"), snapshot.taken_at)
    assert answer.status == SAME_DESK
    assert answer.common.code == "120101001"
    assert answer.exact is None


def test_a_community_alone_is_a_whole_area(find: Find) -> None:
    first = find("花园路社区").candidates[0]
    assert (first.kind, first.area) == ("area", "120101001001")


def test_nothing_found_is_answered_by_the_citys_desk(find: Find, snapshot: Snapshot) -> None:
    found = find("qqqqqq 77")
    assert found.candidates == ()
    answer = group(snapshot, found, snapshot.taken_at)
    assert answer.status == NOT_FOUND
    assert answer.common.level == "city"
    assert answer.ladder
    assert answer.desk in answer.ladder


@pytest.mark.parametrize("said", ["", " ", "，。", "x" * (LONGEST_ADDRESS + 1)])
def test_what_is_no_address_is_refused(find: Find, said: str) -> None:
    with pytest.raises(InvalidInput, match="address"):
        find(said)


def candidate(points: Sequence[tuple[float, float]], score: float = 1.0, accuracy_m: float = 0.0) -> Candidate:
    return Candidate("number", "x", "x", tuple(points), score, ("exact_name", "exact_number"), accuracy_m)


def test_several_desks_share_the_lowest_common_area(snapshot: Snapshot) -> None:
    grid = snapshot.grid
    far = [grid.index.degrees[i].representative_point() for i in (0, len(grid.cells) - 1)]
    found = Found(tuple(candidate([(point.x, point.y)]) for point in far))
    answer = group(snapshot, found, snapshot.taken_at)
    assert answer.status == SEVERAL_DESKS
    assert answer.common.code == "120101"
    assert len(answer.groups) == 2
    assert {"street"} <= {ask.about for ask in answer.asks}
    assert answer.desk.level in {"district", "city"}


def test_a_point_that_may_lie_over_an_edge_has_both_desks(snapshot: Snapshot) -> None:
    point = snapshot.grid.index.degrees[0].representative_point()
    near = group(snapshot, Found((candidate([(point.x, point.y)]),)), snapshot.taken_at)
    vague = group(snapshot, Found((candidate([(point.x, point.y)], accuracy_m=3_000.0),)), snapshot.taken_at)
    assert len(near.groups) == 1
    assert len(vague.groups) > 1


def answers(answer: AddressAnswer) -> bool:
    return answer.status in STATUSES and bool(answer.ladder)


@pytest.mark.parametrize("lon", [117.19, 10.0])
def test_every_point_has_a_desk(snapshot: Snapshot, lon: float) -> None:
    assert answers(group(snapshot, Found((candidate([(lon, 39.11)]),)), snapshot.taken_at))
