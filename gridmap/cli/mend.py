"""``gridmap mend``: a faulty partition made a valid coverage, with a list of every change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from gridmap.coverage.mending import GAP_WIDTH_M, KINDS
from gridmap.errors import InvalidInput
from gridmap.ingest.partition import Enclave, Partition, mend_file, read_partition


def mend(
    file: Annotated[Path, typer.Argument(help="polygons in any format, or a TOML with [partition]")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the mended polygons, format by suffix")],
    report: Annotated[Path | None, typer.Option(help="CSV of every change")] = None,
    files: Annotated[Path | None, typer.Option(help="folder of the files, if not the description's own")] = None,
    name: Annotated[str | None, typer.Option(help="column with each polygon's name; else its number")] = None,
    crs: Annotated[str | None, typer.Option(help="EPSG:<code> in metres or feet, else the file's own")] = None,
    gap_width_m: Annotated[float, typer.Option(help="gaps up to this width are faults")] = GAP_WIDTH_M,
    enclave: Annotated[list[str] | None, typer.Option(help="lon,lat in a hole that is nobody's")] = None,
    outline: Annotated[Path | None, typer.Option(help="polygons of the land that is somebody's")] = None,
    compare: Annotated[Path | None, typer.Option(help="the same polygons as repaired by others")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result for machines")] = False,
) -> None:
    """Repair a partition: overlaps, gaps and slivers go, real enclaves stay, every change is listed."""
    folder = files or file.parent
    if file.suffix == ".toml":
        partition = read_partition(file)
    else:
        points = tuple(_enclave(text) for text in enclave or [])
        given = None if outline is None else str(outline.resolve())
        partition = Partition(
            file=file.name, name=name, crs=crs, gap_width_m=gap_width_m, outline=given, enclaves=points
        )
    mended = mend_file(folder, partition)
    mended.write(out)
    if report is not None:
        mended.report(report)
    found = {kind: mended.mended.of(kind) for kind in KINDS}
    result: dict[str, Any] = {
        "polygons": len(mended.names),
        "changes": {
            kind: {"count": len(each), "area_m2": sum(one.area_m2 for one in each)} for kind, each in found.items()
        },
        "undecided": [
            {"area_m2": one.area_m2, "width_m": one.width_m, "place": one.place} for one in found["undecided gap"]
        ],
    }
    if compare is not None:
        if partition.name is None:
            raise InvalidInput("compare", str(compare), "needs --name, the column that both files have")
        other = mended.beside(compare, partition.name)
        result["differences"] = {
            why: {"places": count, "area_m2": area} for why, (count, area) in other.summary().items()
        }
        result["largest_symmetric_difference_m2"] = float(other.symmetric_m2.max())
    _print(result, as_json=as_json)


def _enclave(text: str) -> Enclave:
    try:
        lon, lat = (float(part) for part in text.split(","))
        return Enclave(lon=lon, lat=lat)
    except ValueError:
        raise InvalidInput("enclave", text, "must be lon,lat in degrees") from None


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    print(f"{result['polygons']:,} polygons")
    for kind, each in result["changes"].items():
        if each["count"]:
            print(f"{kind}: {each['count']:,}, {each['area_m2']:,.4f} m²")
    for each in result["undecided"]:
        x, y = each["place"]
        print(f"undecided gap at {x:.1f} {y:.1f}: {each['area_m2']:,.1f} m², {each['width_m']:.1f} m wide")
    for why, each in result.get("differences", {}).items():
        print(f"differs, {why}: {each['places']:,} places, {each['area_m2']:,.4f} m²")
