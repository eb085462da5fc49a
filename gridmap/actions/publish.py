"""Publishing a redrawn grid as the next revision: one transaction, of which everybody else sees all or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gridmap.access import Action, require
from gridmap.actions.area_shapes import write_area_shapes, write_areas
from gridmap.actions.bands import redraw_bands
from gridmap.actions.extents import share_again
from gridmap.actions.handing_over import hand_over
from gridmap.actions.hexes import redraw_cover
from gridmap.actions.placing import Placing
from gridmap.actions.placing_again import Moved, place_again
from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, RuleBroken, Unavailable
from gridmap.model import Actor, City, Revision
from gridmap.redraw.change import GridChange, Redrawn, area_shares, neighbours, new_codes, redrawn
from gridmap.redraw.steps import AreaStep, area_cells, area_steps
from gridmap.store.addresses import refresh_areas
from gridmap.store.bands import insert_boxes
from gridmap.store.city import read_city
from gridmap.store.codes import read_issued
from gridmap.store.database import Connection, Database
from gridmap.store.grid import end_cells, insert_cells, reserve_cell_ids
from gridmap.store.lineage import count_moves, insert_area_lineage, insert_lineage
from gridmap.store.locks import lock_data
from gridmap.store.replacing import SUBJECTS
from gridmap.store.revisions import insert_revision, read_current
from gridmap.store.snapshot import read_grid
from gridmap.store.subjects import INCIDENT
from gridmap.store.territories import write_territories
from gridmap.store.workers import LEASE, count_behind

Progress = Callable[[str], None]
Shares = Mapping[tuple[int, int], float]

_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Published:
    """A revision that was published, and what it changed: cells, and placements of elements and incidents.

    ``posts``: by code where posts went whose territory ended; ``unstaffed``: new cells and areas without a post.
    """

    revision: Revision
    ended: int
    drawn: int
    moved: Mapping[str, int]
    posts: Mapping[str, str]
    unstaffed: tuple[str, ...] = ()


def publish(
    database: Database,
    actor: Actor,
    base: int,
    change: GridChange,
    valid_from: datetime,
    note: str,
    progress: Progress,
    grid: Grid | None = None,
    posts: Mapping[str, str] | None = None,
) -> Published:
    """Publish a change to revision ``base`` as the next one, valid from a time on.

    ``grid``: that of ``base`` when the caller has it, so that it is not read. ``posts``: by the code of a post,
    or of a territory that ends, the territory that takes it over; the rest goes to the largest part. RuleBroken
    when another revision was published meanwhile, when the outer line would move, when an area would have no
    cells, for a code that was issued before, or when the time is not after that of the base; LoadRefused when the
    cells would be no coverage; InvalidInput for codes, kinds, communities and parents that there are not. A load
    under way is waited for. When it returns, no worker that is alive calls the base the current one.

    The newest revision is the current one, so a time that is yet to come is refused.
    """
    require(actor, Action.PUBLISH)
    with database.begin(actor, Action.PUBLISH, long_work=True) as connection:
        lock_data(connection)
        city = read_city(connection)
        check_base(read_current(connection), base, valid_from)
        before = grid if grid is not None and grid.revision.number == base else read_grid(connection, city)
        _check_codes(connection, before, change)
        ids = reserve_cell_ids(connection, len(new_codes(before, change)))
        revision = insert_revision(connection, actor, base + 1, valid_from, note)
        result = redrawn(before, change, revision, ids)
        published = write_revision(connection, city, before, result, posts or {}, progress)
        progress("committing")
    progress("waiting until all workers serve it")
    wait_for_workers(database, actor, revision.number)
    return published


def write_revision(
    connection: Connection,
    city: City,
    before: Grid,
    result: Redrawn,
    posts: Mapping[str, str],
    progress: Progress,
    *,
    as_far_as_there: bool = False,
) -> Published:
    """Write a revision whose row is there already: cells, areas, and all that is derived from them.

    ``as_far_as_there``: posts that stand at no place that changes are passed over.
    """
    revision = result.grid.revision
    _write_cells(connection, before, result)
    write_areas(connection, result)
    write_territories(connection, _below_what_changed(before, result))
    shaped = write_area_shapes(connection, before, result, city)
    renamed = result.areas.gone | result.areas.drawn
    refresh_areas(connection, sorted(shaped | renamed), renamed=bool(renamed))
    progress("hex cover and zoom bands")
    if len(result.gone):
        redraw_cover(connection, before, result.grid, result.gone, result.drawn, progress)
    insert_boxes(
        connection,
        revision.number,
        redraw_bands(connection, before, result.grid, city, result.gone, result.drawn),
    )
    progress("placing what lies in the cells that changed")
    placing, was = Placing(result.grid, city), Placing(before, city)
    gone = [before.cells[at].id for at in result.gone.tolist()]
    around = neighbours(result.grid, result.drawn)
    moves = {
        subject.table.name: place_again(connection, gone, around, was, placing, subject) for subject in SUBJECTS
    }
    if gone:
        share_again(connection, [*gone, *around], placing)
    shares = area_shares(before, result.grid, result.gone, result.drawn)
    steps = _write_lineage(connection, was, result, shares)
    incidents: Moved = moves[INCIDENT.table.name]
    staffing = hand_over(
        connection, before, result, shares, steps, incidents, posts, as_far_as_there=as_far_as_there
    )
    moved = {name: each.count for name, each in moves.items()}
    ended = sum(before.cells[at].code not in result.grid.by_code for at in result.gone.tolist())
    return Published(revision, ended, len(result.drawn), moved, staffing.moves, staffing.unstaffed)


def wait_for_workers(database: Database, actor: Actor, revision: int) -> None:
    """Until no worker calls an earlier revision the current one; a dead one is waited for as long as its lease."""
    deadline = time.monotonic() + 2 * LEASE.total_seconds()
    while time.monotonic() < deadline:
        with database.begin(actor) as connection:
            if not count_behind(connection, revision):
                return
        time.sleep(_LOOK_AGAIN_S)
    raise Unavailable(f"revision {revision} is published, but a worker goes on with the one before: restart it")


def check_base(current: Revision, base: int, valid_from: datetime) -> None:
    """RuleBroken when a revision based on ``base`` cannot be the next one, from ``valid_from`` on."""
    if current.number != base:
        raise RuleBroken(f"revision {current.number} was published meanwhile; this change is based on {base}")
    if valid_from <= current.valid_from:
        raise RuleBroken(
            f"a revision must begin after the one before, which began {current.valid_from.isoformat()}"
        )
    if valid_from > datetime.now(UTC):
        raise RuleBroken(f"a revision is current once it is published: {valid_from.isoformat()} is yet to come")


def _write_cells(connection: Connection, before: Grid, result: Redrawn) -> None:
    revision = result.grid.revision.number
    end_cells(connection, revision, [before.cells[at].id for at in result.gone.tolist()])
    cells = [result.grid.cells[at] for at in result.drawn.tolist()]
    insert_cells(connection, revision, cells, result.grid.index.degrees[result.drawn])


def _below_what_changed(before: Grid, result: Redrawn) -> set[int]:
    """The ids of cells that end or are drawn, and of all that lie in areas that do: other codes are above them."""
    touched = {before.cells[at].id for at in result.gone.tolist()}
    touched |= {result.grid.cells[at].id for at in result.drawn.tolist()}
    changed = {*result.areas.gone, *result.areas.drawn}
    for grid in (before, result.grid) if changed else ():
        communities = {
            code for code in {cell.community for cell in grid.cells}
            if not changed.isdisjoint(area.code for area in grid.chain(code))
        }  # fmt: skip
        touched |= {cell.id for cell in grid.cells if cell.community in communities}
    return touched


def _check_codes(connection: Connection, before: Grid, change: GridChange) -> None:
    """No code is issued twice, whatever it stood for: keys name territories by code."""
    cells = {code for code in change.drawn if code not in before.by_code}
    areas = {code for code in change.areas_drawn if code not in before.areas}
    both = sorted(cells & areas)
    if both:
        raise InvalidInput("code", both[0], "cannot be that of a cell and of an area")
    for code, last in read_issued(connection, sorted(cells | areas)).items():
        known = "is in use" if last is None else f"was in use until revision {last}"
        raise RuleBroken(f"a code is issued once: {code} {known}")


def _write_lineage(connection: Connection, was: Placing, result: Redrawn, shares: Shares) -> list[AreaStep]:
    """What became of cells and of areas; elements count but for persons."""
    before, now = was.grid, result.grid.revision.number
    lost = area_cells(before, result, shares)
    positions = {*result.gone.tolist(), *(at for each in lost.values() for at in each)}
    ids = [before.cells[at].id for at in sorted(positions)]
    tops = sorted({was.top_of_id[cell] for cell in ids})
    counted: dict[tuple[int, int], int] = {}
    standing: dict[int, int] = {}
    for (old, new, class_), count in count_moves(connection, "element", tops, ids, now - 1, now).items():
        if class_ != "person":
            counted[old, new] = counted.get((old, new), 0) + count
            standing[old] = standing.get(old, 0) + count
    elements = {
        (old, new): counted.get((old, new), 0) / standing[old] if old in standing else None for old, new in shares
    }
    insert_lineage(connection, now, shares, elements)
    steps = area_steps(before, result, lost, shares, counted)
    insert_area_lineage(connection, now, steps)
    return steps
