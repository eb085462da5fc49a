"""Answers for other times and other revisions, put together from the store. Imports ``store`` and below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gridmap.access import is_staff
from gridmap.coverage.answer import Answer, Question, answer
from gridmap.coverage.grid import Grid, by_code, top_code
from gridmap.coverage.index import CoverageIndex
from gridmap.duty import DutyBook
from gridmap.model import Actor, Cell, City, Revision
from gridmap.redraw.difference import Difference, Part, difference
from gridmap.redraw.steps import Heir, Step, heirs
from gridmap.redraw.table import Counted
from gridmap.store import whereabouts
from gridmap.store.database import Connection
from gridmap.store.duty import read_duty
from gridmap.store.grid import read_areas, read_cells, read_codes_of
from gridmap.store.lineage import count_moves, read_area_steps, read_steps
from gridmap.store.revisions import read_revision, revision_valid_at
from gridmap.store.snapshot import read_grid_from
from gridmap.store.whereabouts import read_chain


def revision_for(connection: Connection, at: datetime | None, revision: int | None) -> Revision:
    """The revision asked for, else the one valid at a time, else the one valid now.

    NotFound for an unknown revision and before revision 1.
    """
    if revision is not None:
        return read_revision(connection, revision)
    return revision_valid_at(connection, at or datetime.now(UTC))


def grid_of(
    connection: Connection, city: City, at: datetime | None, revision: int | None, known: Grid | None = None
) -> Grid:
    """The grid of ``revision`` or of a time, ready for look-ups; sooner when it is made from a ``known`` one."""
    wanted = revision_for(connection, at, revision)
    if known is not None:
        return read_grid_from(connection, known, wanted)
    cells, shapes = by_code(*read_cells(connection, wanted.number))
    areas = {area.code: area for area in read_areas(connection, wanted.number)}
    return Grid(wanted, cells, areas, CoverageIndex.build(shapes, city.metric_crs, [cell.code for cell in cells]))


def cover(
    connection: Connection,
    city: City,
    question: Question,
    known_at: datetime | None,
    revision: int | None,
) -> tuple[Answer, DutyBook]:
    """Who covered a place: the grid of ``revision`` or of the time asked for, the duty of that time.

    Duty is as known at ``known_at``, None: as known now.
    """
    grid = revision_for(connection, question.at, revision)
    where = whereabouts.locate(connection, city, grid, question)
    known = known_at or datetime.now(UTC)
    places = [where.places(city), *(one.places for one in where.candidates)]
    codes = sorted({code for each in places for _, code in each})
    duty = read_duty(connection, question.at, question.at + timedelta(seconds=1), known, [*codes, city.code])
    book = DutyBook(duty.posts, duty.holders, duty.shifts, duty.exceptions, city)
    return answer(city, where, book, question), book


def difference_of(connection: Connection, city: City, known: Grid | None, first: int, second: int) -> Difference:
    """What differs between two revisions, whichever came first; NotFound for an unknown one."""
    one, other = read_revision(connection, first), read_revision(connection, second)
    before = grid_of(connection, city, None, one.number, known)
    return difference(before, read_grid_from(connection, before, other), city.metric_crs)


def counted(
    connection: Connection, city: City, found: Difference, parts: Sequence[Part], actor: Actor
) -> list[Counted]:
    """What went with each part, of elements and incidents that were there at both revisions.

    Numbers for the staff of both ends. Shares leave persons out, and stay hidden where fewer elements are in the
    old cell than the city lets its releases show of people.
    """
    first, second = found.before.revision.number, found.after.revision.number
    ids = sorted({part.old.id for part in parts})
    chains = {part.old.community: found.before.chain(part.old.community) for part in parts}
    tops = sorted({top_code(chain, city) for chain in chains.values()})
    elements = count_moves(connection, "element", tops, ids, first, second)
    incidents = count_moves(connection, "incident", tops, ids, first, second)
    things: Counter[tuple[int, int]] = Counter()
    standing: Counter[int] = Counter()
    for (old, new, class_), count in elements.items():
        if class_ != "person":
            things[old, new] += count
            standing[old] += count
    rows = []
    for part in parts:
        pair, whole = (part.old.id, part.new.id), standing[part.old.id]
        staff = is_staff(actor, _places(found.before, part.old)) and is_staff(
            actor, _places(found.after, part.new)
        )
        rows.append(
            Counted(
                element_share=things[pair] / whole if whole and (staff or whole >= city.least_people) else None,
                elements=things[pair] if staff else None,
                people=elements.get((*pair, "person"), 0) if staff else None,
                open_incidents=incidents.get((*pair, "open"), 0) if staff else None,
            )
        )
    return rows


def _places(grid: Grid, cell: Cell) -> list[str]:
    return [cell.code, *(area.code for area in grid.chain(cell.community))]


@dataclass(frozen=True, slots=True)
class Successor:
    """A cell (its code) that has a share of an earlier one's ground and elements; None when it had no elements."""

    code: str
    area_share: float
    element_share: float | None


def successors(
    connection: Connection, cell_ids: Sequence[int], first: int, second: int
) -> dict[int, list[Successor]]:
    """By cell id of revision ``first`` what became of it by ``second``, over all steps between; the largest first.

    Cells that nothing became of by any step, because nothing changed, are their own successors.
    """
    steps = read_steps(connection, cell_ids, first, second)
    found = {cell: heirs(cell, steps) for cell in cell_ids}
    ids = {heir.cell for each in found.values() for heir in each}
    codes = read_codes_of(connection, sorted(ids), second)
    return {cell: [_successor(heir, codes) for heir in each if heir.cell in codes] for cell, each in found.items()}


def _successor(heir: Heir, codes: Mapping[int, str]) -> Successor:
    return Successor(codes[heir.cell], heir.area_share, heir.element_share)


def area_successors(connection: Connection, code: str, first: int, second: int) -> list[Successor]:
    """What became of an area of revision ``first`` by ``second``, the largest share first; NotFound without it."""
    read_chain(connection, read_revision(connection, first), code)
    found = read_area_steps(connection, code, first, second)
    codes = sorted({code, *(each for _, step in found for each in (step.old, step.new))})
    number = {each: at for at, each in enumerate(codes)}
    steps = [
        Step(revision, number[step.old], number[step.new], step.area_share, step.element_share)
        for revision, step in found
    ]
    return [_successor(heir, dict(enumerate(codes))) for heir in heirs(number[code], steps)]
