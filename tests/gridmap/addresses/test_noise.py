"""Addresses as callers and keyboards spoil them, against where they truly are.

What is counted: whether the true address is among the candidates, whether the desk that answers for it is among
those named, and the one thing that must never be: a single sure answer that is wrong.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest
from opencc import OpenCC
from sqlalchemy import text

from gridmap.addresses.answer import EXACT, AddressAnswer, area_names, areas_at, group
from gridmap.addresses.search import search
from gridmap.addresses.sound import pinyin, sound
from gridmap.coverage.answer import locate
from gridmap.coverage.snapshot import Snapshot
from gridmap.model import PUBLIC, WORKER
from gridmap.store.addresses import StoredAddresses
from gridmap.store.database import Connection, Database
from gridmap.store.snapshot import read_snapshot

_DIGITS = "零一二三四五六七八九"
_TRADITIONAL = OpenCC("s2t")


@dataclass(frozen=True)
class Query:
    """A spoilt address and where it truly is."""

    said: str
    noise: str
    text: str
    lon: float
    lat: float


@dataclass(frozen=True)
class Address:
    """An address as it stands in the buildings: street, number, estate, block, and its district's name."""

    street: str
    number: str
    estate: str | None
    block: str | None
    district: str
    lon: float
    lat: float


def true_addresses(connection: Connection, count: int, seed: int) -> list[Address]:
    """Buildings drawn from the demo's own, by their ids."""
    rows = connection.execute(
        text(
            "SELECT street, number, estate, block, area.name AS district, ST_X(geom) AS lon, ST_Y(geom) AS lat "
            "FROM building JOIN element ON element.id = element_id "
            "JOIN element_placement placed ON placed.element_id = element.id AND last_revision IS NULL "
            "JOIN area ON area.code = placed.top AND upper_inf(area.revisions) "
            "WHERE street IS NOT NULL AND number IS NOT NULL ORDER BY element.external_id"
        )
    ).all()
    return [Address(*row) for row in random.Random(seed).sample(rows, count)]


class Spoiler:
    """Makes the queries. Homophones come from the characters of the city's own names."""

    def __init__(self, connection: Connection, seed: int) -> None:
        self.random = random.Random(seed)
        names = connection.execute(text("SELECT name FROM address_name WHERE kind IN ('street', 'estate')"))
        self.characters = sorted({char for name in names.scalars() for char in name if not char.isascii()})
        self._alike = defaultdict(list)
        for char in self.characters:
            self._alike[sound(char)].append(char)

    def spoil(self, addresses: Sequence[Address]) -> list[Query]:
        """Each address with one kind of noise, in turn."""
        kinds = list(NOISES.items())
        queries = []
        for position, one in enumerate(addresses):
            name, noise = kinds[position % len(kinds)]
            queries.append(Query(noise(self, one), name, one.street + one.number, one.lon, one.lat))
        return queries

    def homophone(self, name: str) -> str:
        """One character for another that sounds like it, or the name itself when there is none."""
        places = [i for i, char in enumerate(name[:-1]) if len(self._alike[sound(char)]) > 1]
        if not places:
            return name
        place = self.random.choice(places)
        other = self.random.choice([char for char in self._alike[sound(name[place])] if char != name[place]])
        return name[:place] + other + name[place + 1 :]

    def typo(self, name: str) -> str:
        """One character replaced by a chance one."""
        place = self.random.randrange(len(name) - 1)
        return name[:place] + self.random.choice(self.characters) + name[place + 1 :]


def _numerals(number: str) -> str:
    digits = number.removesuffix("号")
    if len(digits) > 2:
        return "".join(_DIGITS[int(digit)] for digit in digits) + "号"
    tens, ones = divmod(int(digits), 10)
    ten = "" if not tens else "十" if tens == 1 else _DIGITS[tens] + "十"
    return ten + (_DIGITS[ones] if ones else "") + "号"


def _estate(_: Spoiler, one: Address) -> str:
    return (
        f"{one.district}{one.estate}{one.block}2门301" if one.estate else f"{one.district}{one.street}{one.number}"
    )


NOISES: dict[str, Callable[[Spoiler, Address], str]] = {
    "none": lambda _, one: f"{one.district}{one.street}{one.number}",
    "no district": lambda _, one: f"{one.street}{one.number}",
    "numerals": lambda _, one: f"{one.district}{one.street}{_numerals(one.number)}",
    "traditional": lambda _, one: _TRADITIONAL.convert(f"{one.district}{one.street}{one.number}"),
    "width": lambda _, one: "".join(
        chr(ord(char) + 0xFEE0) if char.isascii() else char for char in f"{one.street}{one.number}"
    ),
    "homophone": lambda spoiler, one: f"{one.district}{spoiler.homophone(one.street)}{one.number}",
    "homophone, no district": lambda spoiler, one: f"{spoiler.homophone(one.street)}{one.number}",
    "pinyin": lambda _, one: f"{pinyin(one.street)} {one.number.removesuffix('号')}",
    "typo": lambda spoiler, one: f"{spoiler.typo(one.street)}{one.number}",
    "estate": _estate,
}


@dataclass
class Result:
    """What became of the queries of one kind of noise."""

    asked: int = 0
    found: int = 0
    desk: int = 0
    exact: int = 0
    another_address: int = 0
    wrong: int = 0


def judge(database: Database, count: int, seed: int) -> dict[str, Result]:
    """Ask ``count`` spoilt addresses; by noise what came of them."""
    now = datetime.now(UTC)
    with database.begin(WORKER) as connection:
        snapshot = read_snapshot(connection, now, None)
        addresses = true_addresses(connection, count, seed)
        queries = Spoiler(connection, seed).spoil(addresses)
        known = set(connection.execute(text("SELECT street || number FROM building")).scalars())
    results: dict[str, Result] = defaultdict(Result)
    for query in queries:
        with database.begin(PUBLIC) as connection:
            source = StoredAddresses(connection)
            found = search(source, area_names(snapshot.grid), partial(areas_at, snapshot.grid), query.said)
        result = results[query.noise]
        result.asked += 1
        truth = (query.lon, query.lat)
        result.found += any(truth in one.points for one in found.candidates)
        answer = group(snapshot, found, now)
        phones = {answer.desk.phone} if len(answer.groups) == 1 else {each.desk.phone for each in answer.groups}
        result.desk += desk_phone(snapshot, truth, now) in phones
        result.exact += answer.status == EXACT
        if answer.status == EXACT and answer.exact is not None and (answer.exact.lon, answer.exact.lat) != truth:
            # A slip of the pen may write another address that exists: that nobody can tell, but it is shown
            # that the street it slipped from is one character away.
            said = query.said.partition("区")[2] or query.said
            slipped = query.noise == "typo" and said in known and one_of_the_similar(answer, query)
            result.another_address += slipped
            result.wrong += not slipped
    return results


def one_of_the_similar(answer: AddressAnswer, query: Query) -> bool:
    """Whether the street truly meant stands among the names that are one character away."""
    return any(query.text.startswith(name) for name in answer.similar)


def desk_phone(snapshot: Snapshot, point: tuple[float, float], at: datetime) -> str:
    """The duty desk for a point, asked for without addresses."""
    where = locate(snapshot.grid, snapshot.overlays, *point, 0.0)
    ladder = snapshot.book.ladder(where.places(snapshot.city), at)
    return next(rung.phone for rung in ladder if rung.kind == "duty_desk")


def total(results: dict[str, Result]) -> Counter[str]:
    """The sums over all kinds of noise."""
    return sum((Counter(vars(result)) for result in results.values()), Counter[str]())


def check(results: dict[str, Result]) -> None:
    sums = total(results)
    shown = "\n".join(f"{noise}: {vars(result)}" for noise, result in results.items())
    print(shown, dict(sums), sep="\n")
    assert sums["wrong"] == 0, shown
    for noise in ("none", "no district", "numerals", "traditional", "width", "estate"):
        assert results[noise].found == results[noise].desk == results[noise].asked, shown
    assert sums["found"] >= 0.9 * sums["asked"], shown
    assert sums["desk"] >= 0.9 * sums["asked"], shown
    assert results["none"].exact > 0, "no address is ever sure"


def test_spoilt_addresses_of_a_district(heping: Database) -> None:
    check(judge(heping, 200, 1))


@pytest.mark.soak
def test_spoilt_addresses_of_the_city(tianjin: Database) -> None:
    check(judge(tianjin, 2_000, 2))
