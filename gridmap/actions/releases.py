"""Making releases: counting a closed month, suppressing it, and freezing what shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely

from gridmap import hexes
from gridmap.access import Action, require, require_city
from gridmap.errors import NotFound, RuleBroken
from gridmap.model import ELEMENT_CLASSES, RELEASE_SUBJECTS, Actor, City
from gridmap.releases.periods import Month, months_between
from gridmap.releases.suppression import HIDDEN, suppress
from gridmap.releases.tree import FINEST_HEX, Longs, Tree
from gridmap.store import releases as store
from gridmap.store.categories import read_categories
from gridmap.store.city import read_city
from gridmap.store.database import Connection, Database
from gridmap.store.grid import read_cell_codes, read_cells
from gridmap.store.locks import lock_data
from gridmap.store.revisions import read_current, read_revision

Progress = Callable[[str], None]

INCIDENTS, PERSON = RELEASE_SUBJECTS[:2]
# Of what is neither people nor incidents nothing is hidden.
_NOTHING_HIDDEN = 1


@dataclass(frozen=True)
class ReleaseReport:
    """What a release has: tables, how many of them show nothing at all, and the rows that the others show.

    ``elements`` says whether elements were counted, as the release of the newest closed month does.
    """

    period: str
    revision: int
    tables: int
    hidden_tables: int
    rows: int
    elements: bool


@dataclass(frozen=True)
class _Count:
    """What is counted of one subject and category: the cells in the tree's order, and outside."""

    subject: str
    category: str
    least: int
    cells: Longs
    outside: int


def due_months(database: Database, actor: Actor, now: datetime) -> list[Month]:
    """The months that are over at ``now`` and have no release, from that of revision 1 on, oldest first."""
    require(actor, Action.MAKE_RELEASES)
    with database.begin(actor) as connection:
        zone = read_city(connection).zone
        first = Month.of(read_revision(connection, 1).valid_from, zone)
        made = {release.period for release in store.list_releases(connection)}
    closed = [month for month in months_between(first, Month.of(now, zone)) if month.ends(zone) <= now]
    return [month for month in closed if str(month) not in made]


def make_release(
    database: Database, actor: Actor, month: Month, now: datetime, progress: Progress
) -> ReleaseReport:
    """Count a closed month at the current revision, suppress it and store what shows, once and for all.

    RuleBroken when the month is not over at ``now`` or has a release, NotFound before the month of revision 1,
    NotAllowed for who does not act for the whole city. Loads and publishes wait meanwhile.
    """
    require(actor, Action.MAKE_RELEASES)
    with database.begin(actor, Action.MAKE_RELEASES, long_work=True) as connection:
        city = read_city(connection)
        require_city(actor, Action.MAKE_RELEASES, city.code)
        lock_data(connection)
        _check_month(connection, city, month, now)
        revision = read_current(connection).number
        progress(f"{month}: counting at revision {revision}")
        tree, positions = _tree(connection, city, revision)
        begins, ends = month.begins(city.zone), month.ends(city.zone)
        counts = _count_incidents(connection, city, revision, begins, ends, positions)
        last_element = None
        if month.following.ends(city.zone) > now:
            last_element = store.highest_element(connection)
            counts += _count_elements(connection, city, revision, positions)
        record = store.Release(str(month), begins, ends, revision, now, actor.id, last_element)
        store.insert_release(connection, record)
        return _store(connection, record, tree, counts)


def _check_month(connection: Connection, city: City, month: Month, now: datetime) -> None:
    ends = month.ends(city.zone)
    if ends > now:
        raise RuleBroken(
            f"{month} is not over: it can be released from {ends.astimezone(city.zone).isoformat()} on"
        )
    if month < Month.of(read_revision(connection, 1).valid_from, city.zone):
        raise NotFound(f"{month} is before the month of revision 1")
    if any(release.period == str(month) for release in store.list_releases(connection)):
        raise RuleBroken(f"{month} is released already, and a release is never made again")


def _tree(connection: Connection, city: City, revision: int) -> tuple[Tree, dict[int, int]]:
    """The tree of a revision, and the position in it of each cell by id.

    Where label points lie is stored with the first release on a revision, so that hexes are frozen with the rows.
    """
    if not store.has_tree(connection, revision):
        cells, shapes = read_cells(connection, revision)
        labels = shapely.get_coordinates(shapely.point_on_surface(shapes))
        label_hexes = hexes.hexes_of(labels[:, 0], labels[:, 1], FINEST_HEX)
        store.insert_tree_cells(connection, revision, [cell.id for cell in cells], label_hexes)
    tree = store.read_tree(connection, revision, city.levels)
    at = tree.positions[-1]
    return tree, {cell_id: at[code] for cell_id, code in read_cell_codes(connection, revision).items()}


def _count_incidents(
    connection: Connection, city: City, revision: int, begins: datetime, ends: datetime, positions: dict[int, int]
) -> list[_Count]:
    """Every category that the city declares, and every other that happened."""
    rows = store.count_incidents(connection, revision, begins, ends)
    categories = {*read_categories(connection, "incident"), *(row[0] for row in rows)}
    found = _by_category(categories, rows, positions)
    return [_Count(INCIDENTS, code, city.least_incidents, *found[code]) for code in sorted(found)]


def _count_elements(connection: Connection, city: City, revision: int, positions: dict[int, int]) -> list[_Count]:
    """Every class: of persons those that no release has counted yet, so that tables count disjoint points."""
    rows = store.count_elements(connection, revision, store.last_counted_element(connection))
    found = _by_category(ELEMENT_CLASSES, rows, positions)
    least = {class_: city.least_people if class_ == PERSON else _NOTHING_HIDDEN for class_ in ELEMENT_CLASSES}
    return [_Count(class_, "", least[class_], *found[class_]) for class_ in ELEMENT_CLASSES]


def _by_category(
    categories: Iterable[str], rows: Iterable[tuple[str, int, int]], positions: dict[int, int]
) -> dict[str, tuple[Longs, int]]:
    """By category the counts of the cells and the one outside, from (category, cell id or 0, count)."""
    cells = {category: np.zeros(len(positions), np.int64) for category in categories}
    outside = dict.fromkeys(cells, 0)
    for category, cell_id, count in rows:
        if cell_id == 0:
            outside[category] = count
        else:
            cells[category][positions[cell_id]] = count
    return {category: (cells[category], outside[category]) for category in cells}


def _store(connection: Connection, record: store.Release, tree: Tree, counts: list[_Count]) -> ReleaseReport:
    rows = hidden = 0
    for one in counts:
        table = suppress(tree, one.cells, one.outside, one.least)
        head = store.TableHead(one.subject, one.category, one.least, _shown(table.inside), _shown(table.outside))
        rows += store.insert_table(connection, record.period, head, tree, table)
        hidden += table.inside == HIDDEN
    return ReleaseReport(
        record.period, record.revision, len(counts), hidden, rows, record.last_element is not None
    )


def _shown(count: int) -> int | None:
    return None if count == HIDDEN else count
