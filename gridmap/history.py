"""Answers for other times and other revisions, put together from the store. Imports ``store`` and below."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gridmap.coverage.answer import Answer, Question, answer
from gridmap.coverage.grid import Grid, by_code
from gridmap.coverage.index import CoverageIndex
from gridmap.duty import DutyBook
from gridmap.model import City, Revision
from gridmap.store import whereabouts
from gridmap.store.database import Connection
from gridmap.store.duty import read_duty
from gridmap.store.grid import read_areas, read_cells
from gridmap.store.revisions import read_revision, revision_valid_at


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
    """The grid of ``revision`` or of a time, ready for look-ups; ``known`` is given back when it is that one."""
    wanted = revision_for(connection, at, revision)
    if known is not None and known.revision == wanted:
        return known
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
    codes = [code for _, code in where.places(city)]
    duty = read_duty(connection, question.at, question.at + timedelta(seconds=1), known, [*codes, city.code])
    book = DutyBook(duty.posts, duty.holders, duty.shifts, duty.exceptions, city)
    return answer(city, where, book, question), book
