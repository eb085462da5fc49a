"""Writes the demo city as a city folder: CITY.toml and Parquet files, as any city describes itself.

``python -m data.tianjin.build OUT``. Imports the whole package; the geometry comes from ``grid``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from data.tianjin import elements, incidents, posts, shifts
from data.tianjin.areas import Area, read_areas
from data.tianjin.draws import generator
from data.tianjin.grid import Grid, build_grid
from data.tianjin.ground import Ground, points_outside, survey
from data.tianjin.names import former_names
from data.tianjin.overlays import overlays_of
from data.tianjin.population import NEEDS, number_addresses, raise_buildings
from data.tianjin.tables import COMPRESSION, ROWS_PER_GROUP, SCHEMAS, table_of, write_shapes, write_table
from gridmap.errors import InvalidInput

Progress = Callable[[int, int, str], None]
SCALES = ("demo", "full")
SEED = 20230
TEMPLATE = Path(__file__).with_name("city.toml")
_EXCEPTIONS = 600  # in the whole city
_FORMER_NAMES = 120  # of streets
_STEPS = 7


def build(
    out: Path,
    *,
    as_of: date,
    seed: int = SEED,
    scale: str = "demo",
    districts: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the demo city into the folder ``out``; an older city folder there is replaced at the end.

    ``as_of`` is the demo's today: its year of incidents ends the day before. ``districts`` (codes) makes a
    smaller city; ``scale`` full adds every resident. The same arguments give the same bytes. Raises
    InvalidInput for an unknown scale, or when ``out`` holds something that is not a city folder.
    """
    if scale not in SCALES:
        raise InvalidInput("scale", scale, f"must be one of {', '.join(SCALES)}")
    if out.exists() and not (out / "CITY.toml").is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise InvalidInput("out", str(out), "must be a new folder, an empty one, or a city folder to replace")
    grid = build_grid(seed, districts=districts, progress=progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        _Folder(made, grid, seed, scale, as_of, progress).write()
        made.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        made.rename(out)
    finally:
        shutil.rmtree(made, ignore_errors=True)  # gone after the rename; left over only after a failure


class _Folder:
    """One city folder in the making: each step writes its files and keeps what the next ones need."""

    def __init__(
        self, folder: Path, grid: Grid, seed: int, scale: str, as_of: date, progress: Progress | None
    ) -> None:
        self.folder, self.grid, self.seed, self.scale, self.as_of = folder, grid, seed, scale, as_of
        self.progress = progress
        districts = grid.outlines[grid.outlines["level"] == "district"]
        self.overlays = overlays_of(dict(zip(districts["code"], districts.geometry, strict=True)), seed)

    def write(self) -> None:
        """Write everything, CITY.toml last."""
        self._report(0, "geometry")
        areas = self._write_geometry()
        self._report(1, "street sides")
        grounds = survey(self.grid.cells, self.grid.blocks, self.grid.lines)
        self._report(2, "buildings")
        buildings = [raise_buildings(ground, self.seed, self.as_of) for ground in grounds]
        addressed = number_addresses(pd.concat(buildings, ignore_index=True), grounds[0].streets)
        write_table(self.folder, "buildings", addressed)
        self._report(3, "incidents")
        self._write_incidents(grounds, buildings)
        self._report(4, "duty")
        desk_phone = self._write_duty(areas, grounds)
        self._report(5, "elements")
        self._write_elements(areas, grounds, buildings)
        self._report(6, "description")
        self._write_description(desk_phone)
        self._report(_STEPS, "written")

    def _report(self, done: int, what: str) -> None:
        if self.progress is not None:
            self.progress(done, _STEPS, what)

    def _write_geometry(self) -> list[Area]:
        """The grid's own files, the overlays, and the areas of the chosen districts."""
        grid = self.grid
        cells = grid.cells.sort_values("code", kind="stable", ignore_index=True)
        write_shapes(self.folder, "cells", cells, ["code", "community", "name", "kind", "services"])
        write_shapes(self.folder, "outlines", grid.outlines, ["level", "code", "name", "source", "date"])
        write_shapes(self.folder, "lines", grid.lines, ["id", "name", "kind", "road_class"])
        here = set(cells["code"].str.slice(0, 6))
        areas = [area for area in read_areas() if area.level == "city" or area.code[:6] in here]
        columns = ["level", "code", "name", "parent"]
        rows = [(area.level, area.code, area.name, area.parent or None) for area in areas]
        write_table(self.folder, "areas", pd.DataFrame(rows, columns=columns))
        write_shapes(self.folder, "overlays", self.overlays, ["code", "name", "kind"])
        self._write_aliases()
        return areas

    def _write_aliases(self) -> None:
        lines = self.grid.lines
        streets = sorted(set(lines.loc[lines["kind"] == "street", "name"].dropna()))
        names = former_names(generator(self.seed, "aliases"), streets, _FORMER_NAMES)
        rows = [(former, name, "曾用名（虚构）") for former, name in names]
        write_table(self.folder, "aliases", pd.DataFrame(rows, columns=["alias", "name", "note"]))

    def _outside(self, what: str, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        region = self.grid.outlines.geometry.union_all()
        return points_outside(generator(self.seed, "outside", what), region, count)

    def _write_incidents(self, grounds: list[Ground], buildings: list[pd.DataFrame]) -> None:
        totals = {"inside": incidents.TOTAL - incidents.OUTSIDE, "outside": incidents.OUTSIDE}
        quotas = elements.quotas(totals, grounds)
        parts = [
            incidents.incidents_of(ground, self.seed, quota["inside"], homes, self.as_of)
            for ground, quota, homes in zip(grounds, quotas, buildings, strict=True)
        ]
        strays = self._outside("incidents", sum(quota["outside"] for quota in quotas))
        parts.append(incidents.outside_incidents(strays, self.seed, self.as_of))
        table = incidents.with_tickets(pd.concat(parts, ignore_index=True), self.seed)
        write_table(self.folder, "incidents", table)

    def _write_duty(self, areas: list[Area], grounds: list[Ground]) -> str:
        """Posts, holders, shifts and exceptions; gives the phone of the city's desk."""
        cells = pd.concat([ground.cells[["code", "community"]] for ground in grounds], ignore_index=True)
        places = pd.DataFrame([(area.level, area.code) for area in areas], columns=["level", "code"])
        table = posts.posts_of(places, cells["code"].tolist(), self.overlays["code"].tolist())
        holders, rules = shifts.rosters_of(table, cells, self.seed, self.as_of)
        share = elements.quotas({"exceptions": _EXCEPTIONS}, grounds)
        count = max(12, sum(quota["exceptions"] for quota in share))
        write_table(self.folder, "posts", table)
        write_table(self.folder, "holders", holders)
        write_table(self.folder, "shifts", rules)
        exceptions = shifts.exceptions_of(rules, self.seed, self.as_of, count)
        write_table(self.folder, "shift_exceptions", exceptions)
        desk = (table["level"] == "city") & (table["kind"] == "duty_desk")
        return str(table.loc[desk, "phone"].iloc[0])

    def _write_elements(self, areas: list[Area], grounds: list[Ground], buildings: list[pd.DataFrame]) -> None:
        """Elements in row groups, district by district, so that the full scale needs no more memory."""
        communities = {area.code: area.short_name for area in areas if area.level == "community"}
        totals = {key: kind.count for key, kind in elements.CATEGORIES.items() if kind.count > 0}
        quotas = elements.quotas(totals | NEEDS | {"outside": elements.OUTSIDE}, grounds)
        everyone = self.scale == "full"
        path = self.folder / "elements.parquet"
        with pq.ParquetWriter(path, SCHEMAS["elements"], compression=COMPRESSION) as file:
            for ground, quota, homes in zip(grounds, quotas, buildings, strict=True):
                things = elements.things(ground, self.seed, quota, communities, homes)
                stray = things.index[things["class"] == "object"][: max(2, quota["outside"])]
                things.loc[stray, ["lon", "lat"]] = self._outside(f"elements {ground.district}", len(stray))
                file.write_table(table_of("elements", things))
                for part in elements.persons(
                    ground, self.seed, quota, homes, everyone=everyone, rows=ROWS_PER_GROUP
                ):
                    file.write_table(part)

    def _write_description(self, desk_phone: str) -> None:
        first = datetime.combine(self.as_of - timedelta(days=shifts.HISTORY_DAYS), time(), shifts.ZONE)
        emergencies = [key for key, kind in incidents.CATEGORIES.items() if kind.emergency]
        text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
            seed=self.seed,
            scale=self.scale,
            as_of=self.as_of.isoformat(),
            valid_from=first.isoformat(),
            desk_phone=desk_phone,
            emergency_categories=", ".join(f'"{key}"' for key in emergencies),
            incident_categories="\n".join(
                f'{key} = {{zh = "{kind.zh}", en = "{kind.en}", emergency = {str(kind.emergency).lower()}}}'
                for key, kind in incidents.CATEGORIES.items()
            ),
            element_categories="\n".join(
                f'{key} = {{zh = "{kind.zh}", en = "{kind.en}", class = "{kind.element_class}"}}'
                for key, kind in elements.CATEGORIES.items()
            ),
        )
        (self.folder / "CITY.toml").write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of ``python -m data.tianjin.build``."""
    parser = argparse.ArgumentParser(prog="python -m data.tianjin.build", description="Write the demo city.")
    parser.add_argument("out", type=Path, help="the city folder to write")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--scale", choices=SCALES, default="demo", help="full: every resident, 13.87 million")
    parser.add_argument("--as-of", type=date.fromisoformat, help="the demo's today (default: the day it is)")
    parser.add_argument("--districts", nargs="*", help="six-digit codes for a smaller city (default: all 16)")
    given = parser.parse_args(arguments)
    build(
        given.out,
        as_of=given.as_of or datetime.now(shifts.ZONE).date(),
        seed=given.seed,
        scale=given.scale,
        districts=given.districts,
        progress=lambda done, total, what: print(f"{done}/{total} {what}", file=sys.stderr),
    )


if __name__ == "__main__":
    main()
