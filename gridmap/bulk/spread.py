"""The same placing on a Dask cluster: each worker gets the grid once, row groups of Parquet files are the tasks.

Imports dask.distributed, an extra, and its neighbours. A task writes one file, under a temporary name until it is
whole; so a task that is done again after its worker was lost leaves the same rows once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import shapely
from distributed import Client, Worker, WorkerPlugin, as_completed

from gridmap.bulk import formats
from gridmap.bulk.pipeline import Reading, Tally, place_into
from gridmap.bulk.sources import open_source
from gridmap.coverage.grid import Grid
from gridmap.coverage.index import CoverageIndex
from gridmap.errors import InvalidInput, Unavailable
from gridmap.model import Area, Cell, City, Revision
from gridmap.shapes import Geometries

Say = Callable[[str], None]

# Rows of a task: a second or two of work, so that little is lost with a worker and none waits long for the last.
TASK_ROWS = 1_000_000
_CONNECT_S = 20

# On a worker: the grids that it was given.
_grids: dict[str, tuple[Grid, City]] = {}


@dataclass(frozen=True, slots=True)
class Task:
    """Row groups of one file, and the file that their placed rows go to."""

    path: str
    row_groups: tuple[int, ...]
    output: str


class GridOnWorker(WorkerPlugin):
    """Carries a grid to every worker, also to those that join later: the index and what it answers with."""

    def __init__(self, grid: Grid, city: City) -> None:
        self.revision: Revision = grid.revision
        self.cells: tuple[Cell, ...] = grid.cells
        self.areas: dict[str, Area] = dict(grid.areas)
        self.arrays = grid.index.to_arrays()
        self.shapes: list[bytes] = shapely.to_wkb(grid.index.degrees).tolist()
        self.city = city
        content = hashlib.sha256(repr((grid.revision, grid.cells)).encode())
        for shape in self.shapes:
            content.update(shape)
        self.name = f"gridmap-{content.hexdigest()[:32]}"

    def setup(self, worker: Worker) -> None:
        """Put the index together from its arrays; the polygons are read when somebody needs them."""
        index = CoverageIndex.from_arrays(
            self.arrays, self.city.metric_crs, [cell.code for cell in self.cells], self.degrees
        )
        _grids[self.name] = (Grid(self.revision, self.cells, self.areas, index), self.city)

    def degrees(self) -> Geometries:
        """The cells' polygons."""
        return np.asarray(shapely.from_wkb(np.array(self.shapes, dtype=object)), dtype=object)


def place_on_cluster(
    address: str, grid: Grid, city: City, files: Sequence[Path], output: Path, reading: Reading, say: Say
) -> Tally:
    """Place Parquet files into a folder of Parquet files, one for each task, which together are one table.

    Workers read and write the files themselves, under the paths given. Unavailable when the scheduler does not
    answer or too many workers were lost; InvalidInput when a file is not Parquet.
    """
    tasks = plan(files, output)
    output.mkdir(parents=True, exist_ok=True)
    _clear(output)
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"the scheduler {address} does not answer: {error}") from error
    with client:
        if not client.scheduler_info()["workers"]:
            say("the scheduler has no worker yet; waiting for one")
        plugin = GridOnWorker(grid, city)
        client.register_plugin(plugin)
        alone = replace(reading, threads=1)
        # Not pure: a second run must write again even when the first one's results are still known.
        futures = client.map(_run, tasks, name=plugin.name, reading=alone, pure=False, retries=2)
        tally = Tally()
        for count, (_, part) in enumerate(as_completed(futures, loop=client.loop, with_results=True), 1):
            tally.merge(part)
            say(f"{count} of {len(tasks)} parts, {tally.rows:,} rows placed")
        client.unregister_worker_plugin(plugin.name)
    return tally


def plan(files: Sequence[Path], output: Path) -> list[Task]:
    """The tasks: row groups that follow each other, of one file, at most TASK_ROWS or one group."""
    if output.suffix:
        rule = "must be a folder, its name without suffix: workers write Parquet files into it"
        raise InvalidInput("output", str(output), rule)
    tasks: list[Task] = []
    for path in files:
        if formats.format_of(path) is not formats.PARQUET:
            rule = "must be Parquet, which workers can read in parts; without --cluster any format will do"
            raise InvalidInput("file", path.name, rule)
        open_source(path)
        for groups in _groups(path):
            target = output.resolve() / f"part-{len(tasks):06d}.parquet"
            tasks.append(Task(str(path.resolve()), groups, str(target)))
    return tasks


def _groups(path: Path) -> Iterator[tuple[int, ...]]:
    metadata = pq.read_metadata(path)
    groups: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        count = metadata.row_group(group).num_rows
        if groups and rows + count > TASK_ROWS:
            yield tuple(groups)
            groups, rows = [], 0
        groups.append(group)
        rows += count
    yield tuple(groups)


def _clear(output: Path) -> None:
    """Parts of an earlier run must not be taken for this one's; anything else in the folder is not touched."""
    strangers = sorted(path.name for path in output.iterdir() if not path.name.startswith((".", "part-")))
    if strangers:
        raise InvalidInput("output", strangers[0], "the folder must hold nothing but parts of an earlier run")
    for path in output.glob("part-*.parquet"):
        path.unlink()


def _run(task: Task, name: str, reading: Reading) -> Tally:
    """On a worker: place the task's rows with the grid that is there."""
    grid, city = _grids[name]
    source = open_source(Path(task.path), row_groups=task.row_groups)
    return place_into(grid, city, [source], Path(task.output), reading)
