"""Placing on a Dask cluster of processes: the same rows as alone, also when a worker is killed on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from distributed import Client

from gridmap.bulk import spread
from gridmap.bulk.pipeline import Reading, open_all, place_into
from gridmap.coverage.grid import Grid
from gridmap.errors import InvalidInput, Unavailable
from gridmap.model import City

READING = Reading("wgs84", "lon", "lat", "accuracy")


@dataclass
class Scheduler:
    """A scheduler and its workers, each a process of its own."""

    address: str
    workers: list[subprocess.Popen[str]]


@contextmanager
def scheduler(folder: Path, workers: int) -> Iterator[Scheduler]:
    """Started and, with all its processes, ended."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
               "--no-dashboard"]  # fmt: skip
    boss = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder)
    started = Scheduler("", [])
    try:
        assert boss.stderr is not None
        line = next(line for line in boss.stderr if "Scheduler at:" in line)
        found = re.search(r"tcp://\S+", line)
        assert found is not None
        started.address = found[0]
        for number in range(workers):
            command = [sys.executable, "-m", "distributed.cli.dask_worker", started.address, "--nthreads", "1",
                       "--no-nanny", "--no-dashboard", "--name", f"worker-{number}",
                       "--local-directory", str(folder)]  # fmt: skip
            started.workers.append(subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True, cwd=folder))
        with Client(started.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
        yield started
    finally:
        for process in [*started.workers, boss]:
            if process.poll() is None:
                process.kill()
        for process in [*started.workers, boss]:
            process.wait(timeout=30)


def rows_of(path: Path) -> pa.Table:
    """All rows of a file or a folder of parts, by id."""
    return ds.dataset(path).to_table().sort_by("id").combine_chunks()


def write_points(path: Path, frame: pd.DataFrame, group_rows: int) -> None:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=group_rows)


def test_a_lost_workers_batches_are_done_again(
    grid: Grid,
    city: City,
    tmp_path: Path,
    random_points: Callable[[int], pd.DataFrame],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spread, "TASK_ROWS", 5_000)
    points, alone, parts = tmp_path / "in.parquet", tmp_path / "alone.parquet", tmp_path / "parts"
    write_points(points, random_points(200_000), 5_000)
    place_into(grid, city, open_all([points], READING), alone, READING)
    said: list[str] = []
    with scheduler(tmp_path, 2) as running:

        def say(text: str) -> None:
            said.append(text)
            if len(said) == 3:
                os.kill(running.workers[0].pid, signal.SIGKILL)
                running.workers[0].wait()

        tally = spread.place_on_cluster(running.address, grid, city, [points], parts, READING, say)
        assert running.workers[0].returncode == -signal.SIGKILL
        assert running.workers[1].poll() is None
    assert tally.rows == 200_000
    assert len(said) == 40 == len(list(parts.glob("*.parquet")))
    assert rows_of(parts).equals(rows_of(alone))
    assert [path.name for path in parts.iterdir() if path.name.startswith(".")] in ([], [_left_behind(parts)])


def _left_behind(parts: Path) -> str:
    """The unfinished part of the killed worker, if it had one."""
    return next((path.name for path in parts.iterdir() if path.name.startswith(".")), "")


def test_tasks_cover_all_row_groups_once(
    tmp_path: Path, random_points: Callable[[int], pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "TASK_ROWS", 250)
    write_points(tmp_path / "a.parquet", random_points(1_000), 100)
    write_points(tmp_path / "b.parquet", random_points(300), 300)
    tasks = spread.plan([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "out")
    assert [task.row_groups for task in tasks] == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (0,)]
    assert len({task.output for task in tasks}) == 6


def test_what_cannot_be_spread_is_refused(
    grid: Grid, city: City, tmp_path: Path, csv_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="must be Parquet"):
        spread.plan([csv_file], tmp_path / "out")
    with pytest.raises(InvalidInput, match="must be a folder"):
        spread.plan([csv_file], tmp_path / "out.parquet")
    pd.DataFrame({"lon": [1.0], "lat": [1.0]}).to_parquet(tmp_path / "in.parquet")
    monkeypatch.setattr(spread, "_CONNECT_S", 0.5)
    nobody = "tcp://127.0.0.1:9"
    with pytest.raises(Unavailable, match="does not answer"):
        spread.place_on_cluster(nobody, grid, city, [tmp_path / "in.parquet"], tmp_path / "out", READING, print)
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(InvalidInput, match="must hold nothing but parts"):
        spread.place_on_cluster(nobody, grid, city, [tmp_path / "in.parquet"], tmp_path / "out", READING, print)
