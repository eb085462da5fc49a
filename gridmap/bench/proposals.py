"""``gridmap bench proposals``: communities divided anew, beside their cells as they are and a k-means-Voronoi.

Nothing is written. All three are measured by the same function over the same cells: those that are not special,
which stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gridmap.actions.workbench import Workbench
from gridmap.crs import Floats, from_wgs84, to_wgs84
from gridmap.errors import InvalidInput
from gridmap.model import Actor
from gridmap.redraw.patch import joined
from gridmap.redraw.plan import Plan
from gridmap.redraw.proposing.blocks import weight_in
from gridmap.redraw.proposing.division import Terrain, Wish, divisions
from gridmap.redraw.proposing.figures import Figures, figures_of_cells
from gridmap.redraw.state import Households
from gridmap.redraw.streets import Streets
from gridmap.store.database import Database
from gridmap.store.revisions import read_current

Progress = Callable[[str], None]

NAMES = ("now", "k-means", "proposal")
MEASURES = ("share in band", "spread", "street share", "compactness")
# k-means is begun so often, and the best is taken.
_STARTS, _ROUNDS = 10, 100
_LEAST_CELLS = 3
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Row:
    """One community: its free cells, its blocks, seconds for all proposals, and the figures of each way.

    ``proposed`` is False where nothing was found that is unlike the cells there are: these stand for the proposal.
    """

    community: str
    cells: int
    blocks: int
    seconds: float
    proposed: bool
    figures: dict[str, Figures]


@dataclass
class ProposalsBench:
    """What ``--json`` prints. ``medians``: by way and measure. ``at_least_as_good``: shares of the communities in
    which the first proposal is, by the other way and measure. ``refused``: communities that cannot be divided.
    """

    revision: int
    rows: list[Row]
    refused: dict[str, str] = field(default_factory=dict)
    medians: dict[str, dict[str, float]] = field(default_factory=dict)
    at_least_as_good: dict[str, dict[str, float]] = field(default_factory=dict)
    median_s: float = 0.0
    slowest_s: float = 0.0


def bench_proposals(database: Database, actor: Actor, count: int, seed: int, progress: Progress) -> ProposalsBench:
    """Divide ``count`` communities drawn at random among those with three cells or more into as many cells anew.

    The first proposal counts, whose rule does not know of the comparison with k-means.
    """
    bench = Workbench()
    with database.begin(actor, long_work=True) as connection:
        base = bench.base(connection, read_current(connection).number)
        ground = bench.measured(connection, base).ground
    if base.households is None:
        raise InvalidInput("city", base.city.code, "must have households of buildings")
    plan = Plan.on(base)
    streets = Streets() if ground.lines is None else Streets(ground.lines)
    terrain = Terrain(streets, ground.segments, base.households)
    band = base.city.principles.bands["basic"]
    free = {code: [cell for cell in cells if _is_free(plan, cell)] for code, cells in base.members.items()}
    large = sorted(code for code, cells in free.items() if len(cells) >= _LEAST_CELLS)
    drawn = np.random.default_rng(seed).choice(large, min(count, len(large)), replace=False)
    report = ProposalsBench(base.grid.revision.number, [])
    for number, code in enumerate(drawn.tolist(), start=1):
        progress(f"{number} of {len(drawn)}: {code}, {len(free[code])} cells")
        locked = [cell for cell in base.members[code] if cell not in free[code]]
        began = time.perf_counter()
        try:
            found = divisions(plan, code, terrain, Wish(band, len(free[code]), locked, seed=seed))
        except InvalidInput as error:
            report.refused[code] = str(error)
            continue
        seconds = time.perf_counter() - began
        shapes = [plan.state.cell(cell).shape for cell in free[code]]
        other = kmeans_voronoi(shapes, base.households, len(shapes), base.city.metric_crs, seed)
        weight = weight_in(np.array(other, object), base.households)
        beside = figures_of_cells(other, weight, shapes, band, ground.segments, base.city.metric_crs)
        own = found.found[0].figures if found.found else found.present
        ways = dict(zip(NAMES, (found.present, beside, own), strict=True))
        report.rows.append(Row(code, len(shapes), found.blocks, round(seconds, 2), bool(found.found), ways))
    _summed_up(report)
    return report


def _is_free(plan: Plan, code: str) -> bool:
    return plan.state.cell(code).kind != "special"


def _summed_up(report: ProposalsBench) -> None:
    if not report.rows:
        return
    values = {name: np.array([row.figures[name].measures()[:4] for row in report.rows]) for name in NAMES}
    for name in NAMES:
        middle = np.abs(np.median(values[name], axis=0))
        report.medians[name] = dict(zip(MEASURES, middle.round(4).tolist(), strict=True))
    for name in NAMES[:2]:
        good = values[NAMES[2]] >= values[name] - _ROUNDING
        shares = dict(zip(MEASURES, good.mean(axis=0).round(4).tolist(), strict=True))
        report.at_least_as_good[name] = {
            **shares,
            "spread and street share": float(good[:, 1:3].all(axis=1).mean()),
        }
    seconds = [row.seconds for row in report.rows]
    report.median_s, report.slowest_s = float(np.median(seconds)), max(seconds)


def kmeans_voronoi(
    cells: Sequence[BaseGeometry], households: Households, count: int, metric_crs: str, seed: int
) -> list[BaseGeometry]:
    """The ground of some cells by the nearest of ``count`` centres, which k-means finds for its households.

    Polygons in EPSG:4326 that share their vertices; ground that is not convex may leave one in pieces.
    """
    ground = joined(list(cells))
    west, south, east, north = ground.bounds
    lon, lat = households.lon, households.lat
    near = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
    near = near[shapely.intersects_xy(ground, lon[near], lat[near])]
    points = np.column_stack(from_wgs84(metric_crs, lon[near], lat[near]))
    centres = _kmeans(points, households.count[near], count, np.random.default_rng(seed))
    edges = shapely.voronoi_polygons(
        shapely.MultiPoint(centres), extend_to=_flat(ground, metric_crs), only_edges=True
    )
    lines = shapely.transform(edges, lambda pairs: np.column_stack(to_wgs84(metric_crs, *pairs.T)))
    noded = shapely.node(shapely.union_all([ground.boundary, lines]))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    inner = shapely.point_on_surface(faces)
    inside = shapely.intersects(ground, inner)
    at = np.column_stack(from_wgs84(metric_crs, shapely.get_x(inner), shapely.get_y(inner)))
    nearest = np.argmin(((at[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2), axis=1)
    parts = [faces[inside & (nearest == each)] for each in range(count)]
    return [joined(list(part)) for part in parts if len(part)]


def _flat(ground: BaseGeometry, metric_crs: str) -> BaseGeometry:
    flat: BaseGeometry = shapely.transform(ground, lambda pairs: np.column_stack(from_wgs84(metric_crs, *pairs.T)))
    return flat


def _kmeans(points: Floats, weight: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Lloyd's centres (count, 2) of weighted points, begun as k-means++ (Arthur and Vassilvitskii 2007) does."""
    best: tuple[float, Floats] | None = None
    for _ in range(_STARTS):
        centres = points[rng.choice(len(points), 1, p=weight / weight.sum())]
        while len(centres) < count:
            away = ((points[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1) * weight
            centres = np.vstack([centres, points[rng.choice(len(points), p=away / away.sum())]])
        for _ in range(_ROUNDS):
            squares = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
            own = np.argmin(squares, axis=1)
            total = np.bincount(own, weight, count)
            sums = np.column_stack([np.bincount(own, weight * axis, count) for axis in points.T])
            moved = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-9)[:, None], centres)
            if np.allclose(moved, centres, atol=1e-6):
                break
            centres = moved
        cost = float((squares.min(axis=1) * weight).sum())
        if best is None or cost < best[0]:
            best = (cost, centres)
    assert best is not None
    return best[1]
