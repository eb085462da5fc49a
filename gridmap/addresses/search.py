"""From what an address says to the places it may mean, each with how sure that is and why.

Knows no database: a :class:`Source` looks names up. Imports the modules of addresses below it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gridmap.addresses.reading import Reading, is_latin, latin_area, read, read_latin, tidy
from gridmap.addresses.sound import blurred, pinyin, sound
from gridmap.addresses.territory import AreaNames
from gridmap.addresses.writing import one_away, simplified
from gridmap.errors import InvalidInput

LONGEST_ADDRESS = 200

# How far a name that was found is from the name that was said.
NAME_SCORES = {
    "exact_name": 1.0,
    "former_name": 0.95,
    "same_sound": 0.85,
    "similar_sound": 0.75,
    "one_character": 0.7,
    "alike": 0.45,
}
# How well the place itself fits what was said besides the name.
PLACE_SCORES = {
    "exact_number": 1.0,
    "other_suffix": 0.8,
    "number_as_block": 0.85,
    "exact_block": 1.0,
    "exact_crossing": 1.0,
    "exact_place": 1.0,
    "on_the_street": 1.0,
    "not_on_the_street": 0.5,
    "between_numbers": 0.6,
    "next_number": 0.5,
    "street_only": 0.9,
    "no_such_number": 0.4,
    "no_such_crossing": 0.3,
    "estate_only": 0.9,
    "no_such_block": 0.4,
    "whole_area": 0.7,
    "near_it": 0.7,
    "other_estate": 0.8,
    "area_agrees": 1.0,
    "other_area": 0.5,
}
# What makes a match exact: these reasons and no others.
EXACT = frozenset(
    {"exact_name", "exact_number", "exact_block", "exact_crossing", "exact_place", "on_the_street", "area_agrees"}
)

# Candidates that are much less sure than the best one are left out.
_WORTH = 0.6
# A shop "in" a street stands this near to its line.
_ON_STREET_M = 150.0
# Who stands at a crossing stands on any of its corners.
_CROSSING_M = 20.0
# Neighbours further apart than this say nothing about what lies between them.
_BETWEEN_M = 500.0
_MOST = 400
_MOST_SIMILAR = 100
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Named:
    """A name known to the city; ``key`` and ``sound`` are its forms, an alias ``stands_for`` another key."""

    id: int
    kind: str
    name: str
    key: str
    sound: str
    stands_for: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One address at one point."""

    kind: str
    name_id: int
    other_id: int | None
    number: int | None
    suffix: str
    text: str
    code: str | None
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that may be meant: its points (one, or those along a street or of an estate), and how sure.

    ``score`` is the product of the scores of its ``reasons``. ``area`` is the code of a whole area.
    """

    kind: str
    text: str
    name: str
    points: tuple[tuple[float, float], ...]
    score: float
    reasons: tuple[str, ...]
    accuracy_m: float = 0.0
    area: str | None = None

    @property
    def exact(self) -> bool:
        """Whether nothing about the match is guessed, and it is one point."""
        return len(self.points) == 1 and EXACT.issuperset(self.reasons) and self.area is None


@dataclass(frozen=True, slots=True)
class Found:
    """All that an address may mean, the surest first, and names that are one character away.

    ``crossings`` are the names of the streets that cross the one that was named alone.
    """

    candidates: tuple[Candidate, ...]
    similar: tuple[str, ...] = ()
    crossings: tuple[tuple[str, float, float], ...] = ()


class Source(Protocol):
    """Where names and addresses are looked up."""

    def names(self, keys: Sequence[str], sounds: Sequence[str]) -> list[Named]: ...

    def alike(self, keys: Sequence[str], sounds: Sequence[str]) -> list[Named]: ...

    def rows(self, names: Sequence[int], kind: str, number: int | None = None) -> list[Row]: ...

    def along(self, names: Sequence[int]) -> list[Row]: ...

    def crossings(self, ones: Sequence[int], others: Sequence[int]) -> list[Row]: ...

    def crossings_of(self, names: Sequence[int]) -> list[Row]: ...


# The codes of the areas that a point lies in, the lowest first.
AreasAt = Callable[[Sequence[tuple[float, float]]], list[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class _Match:
    named: Named
    how: str
    fragment: str

    @property
    def score(self) -> float:
        return NAME_SCORES[self.how]


def search(
    source: Source, areas: AreaNames, areas_at: AreasAt, address: str, within: frozenset[str] = frozenset()
) -> Found:
    """What ``address`` may mean; ``within`` are codes of areas it was said to lie in. InvalidInput when too long.

    Nothing found is an empty answer, not an error.
    """
    if len(address) > LONGEST_ADDRESS or not tidy(address):
        raise InvalidInput("address", address, f"must have 1 to {LONGEST_ADDRESS} characters, letters among them")
    readings = readings_of(areas, address)
    known = _look_up(source, readings)
    finder = _Finder(source, areas, known)
    found: list[Candidate] = []
    for reading in readings:
        candidates = finder.candidates(reading)
        found += [_in_area(one, areas_at, (reading.areas, within)) for one in candidates]
    best = _best(found)
    return Found(best, finder.similar(readings, best), finder.crossings(best))


def readings_of(areas: AreaNames, address: str) -> list[Reading]:
    """The ways to read an address, with and without its front as names of areas."""
    if is_latin(address):
        reading = read_latin(address)
        named = latin_area(address)
        try:
            codes = areas.named(named) if named else frozenset()
        except InvalidInput:
            codes = frozenset()
        return [replace(reading, areas=codes)]
    return [
        read(rest, codes) if rest else Reading((), areas=codes) for rest, codes in areas.taken_off(tidy(address))
    ]


def _look_up(source: Source, readings: Iterable[Reading]) -> dict[str, list[_Match]]:
    """Every fragment of every reading with the names it may be, the best first."""
    latin = {name: reading.latin for reading in readings for name in _fragments(reading)}
    if not latin:
        return {}
    written = [name for name, is_letters in latin.items() if not is_letters]
    sounds = {name: blurred(name) if is_letters else sound(name) for name, is_letters in latin.items()}
    named = source.names(written, list(dict.fromkeys(sounds.values())))
    known = {name: _matches(name, sounds[name], named) for name in latin}
    former = {one.named.stands_for for matches in known.values() for one in matches if one.named.kind == "alias"}
    current = source.names([form for form in former if form], []) if former else []
    for name, matches in known.items():
        known[name] = _sorted(_without_aliases(matches, current))
    whole_area = any(not reading.names and reading.areas for reading in readings)
    if not any(known.values()) and not whole_area:
        parts = ["" if is_letters else name for name, is_letters in latin.items()]
        alike = [one for one in source.alike(parts, list(sounds.values())) if one.kind != "alias"]
        for name in latin:
            known[name] = [_Match(one, "alike", name) for one in alike]
    return known


def _fragments(reading: Reading) -> tuple[str, ...]:
    crossing = (name for side in reading.crossing or () for name in side)
    return tuple(dict.fromkeys((*reading.names, *crossing)))


def _matches(fragment: str, fragment_sound: str, named: Iterable[Named]) -> list[_Match]:
    letters = pinyin(fragment)
    found = []
    for one in named:
        if one.key == fragment:
            how = "exact_name"
        elif one.sound == fragment_sound:
            how = "same_sound" if pinyin(simplified(one.name)) == letters else "similar_sound"
        elif not fragment.isascii() and one_away(one.key, fragment):
            how = "one_character"
        else:
            continue
        found.append(_Match(one, how, fragment))
    return found


def _without_aliases(matches: list[_Match], current: list[Named]) -> list[_Match]:
    """Put what an alias stands for in its place; what only sounds like an alias stays less sure."""
    found = []
    for one in matches:
        if one.named.kind != "alias":
            found.append(one)
            continue
        how = "former_name" if one.how == "exact_name" else one.how
        found += [_Match(now, how, one.fragment) for now in current if now.key == one.named.stands_for]
    return found


def _sorted(matches: Iterable[_Match]) -> list[_Match]:
    """The best match of each name; one character away only when nothing is nearer."""
    best: dict[int, _Match] = {}
    for one in matches:
        if one.named.id not in best or one.score > best[one.named.id].score:
            best[one.named.id] = one
    ordered = sorted(best.values(), key=lambda one: (-one.score, one.named.key, one.named.id))
    sure = [one for one in ordered if one.how in {"exact_name", "former_name"}]
    return [one for one in ordered if one.how != "one_character"] if sure else ordered


class _Finder:
    """Makes candidates of readings, looking rows up as it needs them."""

    def __init__(self, source: Source, areas: AreaNames, known: dict[str, list[_Match]]) -> None:
        self._source = source
        self._areas = areas
        self._known = known
        self._names = {one.named.id: one.named for matches in known.values() for one in matches}

    def candidates(self, reading: Reading) -> list[Candidate]:
        """The candidates of one reading, unsorted."""
        if reading.crossing is not None:
            return self._at_crossing(reading)
        if not reading.names:
            return [self._whole_area(code) for code in sorted(reading.areas)]
        matches = self._chosen(reading.names)
        streets = [one for one in matches if one.named.kind == "street"]
        estates = [one for one in matches if one.named.kind == "estate"]
        others = [one for one in matches if one.named.kind in {"landmark", "overlay", "area"}]
        found: list[Candidate] = []
        if streets and reading.number is not None:
            found += self._numbers(reading, streets, estates)
        if estates and not any("exact_number" in one.reasons for one in found):
            found += self._blocks(reading, estates, numbered=bool(streets))
        # A street said beside a place tells where the place is; one that the same words may mean is another place.
        beside = [one for one in streets if all(one.fragment != other.fragment for other in others)]
        if others and reading.number is None:
            found += self._landmarks(others, beside, near=reading.near)
        alone = [one for one in streets if not found or one not in beside]
        if alone and (reading.number is None or not found):
            reason = "street_only" if reading.number is None else "no_such_number"
            found += self._streets(alone, reason, near=reading.near)
        return found

    def _whole_area(self, code: str) -> Candidate:
        name = self._areas.area(code).name
        reasons = ("exact_name", "whole_area")
        return Candidate("area", name, name, (), _score(reasons), reasons, area=code)

    def _chosen(self, names: Sequence[str]) -> list[_Match]:
        """Matches of the fragments; parts of a name that is known as a whole are not looked at."""
        whole = [name for name in names if any(one.how != "alike" for one in self._known[name])]
        sure = [name for name in whole if self._known[name][0].how != "one_character"]
        kept = [name for name in names if not any(name != other and name in other for other in sure)]
        best: dict[int, _Match] = {}
        for one in (one for name in kept for one in self._known[name]):
            if one.named.id not in best or one.score > best[one.named.id].score:
                best[one.named.id] = one
        return list(best.values())

    def _at_crossing(self, reading: Reading) -> list[Candidate]:
        assert reading.crossing is not None, "only readings with a crossing come here"
        sides = [
            {one.named.id: one for name in side for one in self._known[name] if one.named.kind == "street"}
            for side in reading.crossing
        ]
        near = ("near_it",) if reading.near else ()
        found = []
        if all(sides):
            for row in self._source.crossings(list(sides[0]), list(sides[1])):
                ids = (row.name_id, row.other_id or 0)
                one, other = (sides[0].get(ids[0]), sides[1].get(ids[1]))
                if one is None or other is None:
                    one, other = sides[0].get(ids[1]), sides[1].get(ids[0])
                if one is not None and other is not None:
                    hows = tuple(dict.fromkeys((one.how, other.how)))
                    found.append(self._candidate(row, (*hows, "exact_crossing", *near)))
        if found:
            return found
        return self._streets([one for side in sides for one in side.values()], "no_such_crossing", near=False)

    def _numbers(self, reading: Reading, streets: list[_Match], estates: list[_Match]) -> list[Candidate]:
        by_id = {one.named.id: one for one in streets}
        said = {one.named.id for one in estates}
        found = []
        for row in self._source.rows(list(by_id), "number", reading.number):
            reasons = [by_id[row.name_id].how]
            reasons.append("exact_number" if row.suffix == reading.suffix else "other_suffix")
            if said and row.other_id is not None and row.other_id not in said:
                reasons.append("other_estate")
            if reading.near:
                reasons.append("near_it")
            found.append(self._candidate(row, tuple(reasons)))
        missing = [one for one in streets if not any(row.name == one.named.name for row in found)]
        # What is only alike is not also guessed at.
        nearest = [one for one in missing if one.how in {"exact_name", "former_name", "same_sound"}]
        sure = any(EXACT.issuperset(one.reasons) for one in found)
        if nearest and not sure and reading.number is not None:
            found += self._between(reading.number, nearest)
        return found

    def _between(self, number: int, streets: list[_Match]) -> list[Candidate]:
        """The neighbours of a number that does not exist, and the point between them."""
        by_id = {one.named.id: one for one in streets}
        rows = [row for row in self._source.rows(list(by_id), "number") if row.number is not None]
        found = []
        for name_id, match in by_id.items():
            side = [row for row in rows if row.name_id == name_id and (row.number or 0) % 2 == number % 2]
            side = side or [row for row in rows if row.name_id == name_id]
            below = [row for row in side if (row.number or 0) < number]
            above = [row for row in side if (row.number or 0) > number]
            neighbours = below[-1:] + above[:1]
            if len(neighbours) == 2 and _metres(neighbours[0], neighbours[1]) <= _BETWEEN_M:
                found.append(_interpolated(number, match, *neighbours))
            found += [self._candidate(row, (match.how, "next_number")) for row in neighbours]
        return found

    def _blocks(self, reading: Reading, estates: list[_Match], *, numbered: bool) -> list[Candidate]:
        by_id = {one.named.id: one for one in estates}
        block = int(reading.block) if reading.block and reading.block.isdigit() else None
        reason = "exact_block"
        if block is None and reading.number is not None and not numbered:
            block, reason = reading.number, "number_as_block"
        rows = self._source.rows(list(by_id), "block", block)
        near = ("near_it",) if reading.near else ()
        if block is not None and rows:
            return [self._candidate(row, (by_id[row.name_id].how, reason, *near)) for row in rows]
        reason = "estate_only" if block is None else "no_such_block"
        return self._gathered(rows or self._source.rows(list(by_id), "block"), by_id, "estate", (reason, *near))

    def _landmarks(self, others: list[_Match], streets: list[_Match], *, near: bool) -> list[Candidate]:
        by_id = {one.named.id: one for one in others}
        along = self._source.along([one.named.id for one in streets]) if streets else []
        found = []
        for kind in dict.fromkeys(one.named.kind for one in others):
            for row in self._source.rows(list(by_id), kind):
                reasons = [by_id[row.name_id].how, "exact_place" if kind == "landmark" else "whole_area"]
                if along:
                    on_it = min(_metres(row, point) for point in along) <= _ON_STREET_M
                    reasons.append("on_the_street" if on_it else "not_on_the_street")
                if near:
                    reasons.append("near_it")
                one = self._candidate(row, tuple(reasons))
                found.append(replace(one, area=row.code) if kind == "area" else one)
        return found

    def _streets(self, streets: list[_Match], reason: str, *, near: bool) -> list[Candidate]:
        by_id = {one.named.id: one for one in streets}
        reasons = (reason, "near_it") if near else (reason,)
        rows = [*self._source.rows(list(by_id), "number"), *self._source.along(list(by_id))] if by_id else []
        return self._gathered(rows, by_id, "street", reasons)

    def _gathered(
        self, rows: list[Row], by_id: dict[int, _Match], kind: str, reasons: tuple[str, ...]
    ) -> list[Candidate]:
        """One candidate per name with all its points."""
        found = []
        for name_id, match in by_id.items():
            points = tuple(dict.fromkeys((row.lon, row.lat) for row in rows if row.name_id == name_id))
            if points:
                why = (match.how, *reasons)
                found.append(Candidate(kind, match.named.name, match.named.name, points, _score(why), why))
        return found

    def _candidate(self, row: Row, reasons: tuple[str, ...]) -> Candidate:
        name = self._names[row.name_id].name
        accuracy_m = _CROSSING_M if row.kind == "crossing" else 0.0
        return Candidate(row.kind, row.text, name, ((row.lon, row.lat),), _score(reasons), reasons, accuracy_m)

    def similar(self, readings: Iterable[Reading], candidates: Sequence[Candidate]) -> tuple[str, ...]:
        """Names one character away from what was said that are no candidates: a slip of the pen leads there.

        When a number was said, only names that have it too.
        """
        shown = {one.name for one in candidates}
        near: dict[int, Named] = {}
        for reading in readings:
            used = [
                name
                for name in _fragments(reading)
                if not reading.latin and any(one.how == "exact_name" for one in self._known[name])
            ]
            named = self._source.names(used, []) if used else []
            ids = {one.id: one for one in named for name in used if one.key != name and one_away(one.key, name)}
            if reading.number is not None and ids:
                kinds = ("number", "block")
                rows = [row for kind in kinds for row in self._source.rows(list(ids), kind, reading.number)]
                ids = {row.name_id: ids[row.name_id] for row in rows}
            near |= ids
        return tuple(sorted({one.name for one in near.values()} - shown))[:_MOST_SIMILAR]

    def crossings(self, candidates: Sequence[Candidate]) -> tuple[tuple[str, float, float], ...]:
        """The crossings of the street, when one street alone was found: what a caller may see a sign of."""
        names = {one.name for one in candidates}
        if len(names) != 1 or not all(one.kind == "street" for one in candidates):
            return ()
        ids = [one.id for one in self._names.values() if one.kind == "street" and one.name in names]
        rows = self._source.crossings_of(ids)
        return tuple((row.text, row.lon, row.lat) for row in rows)


def _score(reasons: Iterable[str]) -> float:
    return math.prod(NAME_SCORES.get(reason) or PLACE_SCORES[reason] for reason in reasons)


def _interpolated(number: int, match: _Match, below: Row, above: Row) -> Candidate:
    share = (number - (below.number or 0)) / ((above.number or 0) - (below.number or 0))
    point = (below.lon + (above.lon - below.lon) * share, below.lat + (above.lat - below.lat) * share)
    text = f"{match.named.name}{number}号（{below.number}号与{above.number}号之间）"
    reasons = (match.how, "between_numbers")
    # The point may be anywhere between the two.
    accuracy_m = round(_metres(below, above) * max(share, 1 - share), 1)
    return Candidate("number", text, match.named.name, (point,), _score(reasons), reasons, accuracy_m)


def _metres(one: Row, other: Row) -> float:
    """Good enough for a kilometre or two."""
    east = (one.lon - other.lon) * math.cos(math.radians(one.lat))
    return math.hypot(east, one.lat - other.lat) * _METRES_PER_DEGREE


def _in_area(one: Candidate, areas_at: AreasAt, said: Sequence[frozenset[str]]) -> Candidate:
    """Say whether a candidate lies in the areas that were named; of a street the points that do are kept."""
    asked = [codes for codes in said if codes]
    if not asked or not one.points:
        return one
    chains = areas_at(one.points)
    kept = tuple(
        point
        for point, chain in zip(one.points, chains, strict=True)
        if all(not codes.isdisjoint(chain) for codes in asked)
    )
    reason = "area_agrees" if kept else "other_area"
    reasons = (*one.reasons, reason)
    return replace(one, points=kept or one.points, reasons=reasons, score=one.score * PLACE_SCORES[reason])


def _best(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Each place once, by its best match; what is much less sure than the best is left out."""
    best: dict[object, Candidate] = {}
    for one in found:
        place = one.area or one.points
        if place not in best or one.score > best[place].score:
            best[place] = one
    ordered = sorted(best.values(), key=lambda one: (-one.score, one.text, one.points))
    return tuple(one for one in ordered if one.score >= _WORTH * ordered[0].score)[:_MOST]
