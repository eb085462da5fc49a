"""A planner's day by the command line: an estate gets a community of its own, from first edit to archive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import shapely
from fastapi.testclient import TestClient
from sqlalchemy import text
from typer.testing import CliRunner, Result

from api.app import create_app
from api.deps import Service
from gridmap.access import OPERATOR
from gridmap.cli.commands import app
from gridmap.coverage.grid import Grid
from gridmap.current import Current
from gridmap.errors import RuleBroken
from gridmap.settings import Settings
from gridmap.store.city import read_city, update_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from tests.gridmap.papers.reading import pages_of

STREET, HOME, BESIDE = "120101001", "120101001005", "120101001012"
NEW = STREET + "098"
CITY_TIME = ZoneInfo("Asia/Shanghai")
Run = Callable[..., Result]
ClientOf = Callable[[Database], AbstractContextManager[TestClient]]


class Desk:
    """What lies on a planner's desk: the cells of two communities as the draft has them so far."""

    def __init__(self, grid: Grid, run: Run) -> None:
        chosen = [at for at, cell in enumerate(grid.cells) if cell.community in (HOME, BESIDE)]
        self.shapes = {grid.cells[at].code: grid.index.degrees[at] for at in chosen}
        self.run = run
        self.ops: list[str] = []

    def draw(self, **edit: Any) -> Any:
        """One edit by its planner; the answer."""
        done = json.loads(self.run("draft", "edit", 1, json.dumps(edit), "--as", "wang", "--json").stdout)
        for code in done["ended"]:
            self.shapes.pop(code, None)
        for feature in done["cells"]["features"]:
            if feature["id"] in self.shapes or feature["properties"]["change"] == "new":
                self.shapes[feature["id"]] = shapely.from_geojson(json.dumps(feature["geometry"]))
        self.ops.append(edit["op"])
        return done

    def of(self, community: str) -> list[str]:
        """Its cells, the largest first."""
        return sorted(
            (code for code in self.shapes if code.startswith(community)), key=lambda c: -self.shapes[c].area
        )

    def shared(self, one: str, other: str) -> shapely.Geometry:
        """The line between two cells."""
        return shapely.line_merge(shapely.intersection(self.shapes[one], self.shapes[other]))

    def neighbours(self, codes: list[str], others: list[str]) -> tuple[str, str]:
        """Two cells with the longest line between them."""
        pairs = [(one, other) for one in codes for other in others if one != other]
        return max(pairs, key=lambda pair: self.shared(*pair).length)


def bulge(line: shapely.Geometry, into: shapely.Geometry) -> list[tuple[float, float]]:
    """From a place on a line into a cell and back to the line."""
    longest = max(shapely.get_parts(line), key=lambda each: each.length)
    start, end = longest.interpolate(0.3, normalized=True), longest.interpolate(0.7, normalized=True)
    middle, centre = longest.interpolate(0.5, normalized=True), into.centroid
    top = shapely.LineString([middle, centre]).interpolate(0.25, normalized=True)
    return [(start.x, start.y), (top.x, top.y), (end.x, end.y)]


@pytest.fixture
def run(heping_copy: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv(
        "GRIDMAP_DATABASE_URL", heping_copy.url.set(username="gridmap_app").render_as_string(hide_password=False)
    )

    def run_command(*arguments: object, status: int = 0) -> Result:
        result = CliRunner().invoke(app, list(map(str, arguments)))
        assert result.exit_code == status, (arguments, result.output, result.exception)
        return result

    return run_command


@pytest.fixture
def client_of(tmp_path: Path) -> ClientOf:
    """A client of a service over a database."""

    @contextmanager
    def serve(database: Database) -> Iterator[TestClient]:
        service = Service(Settings(), database, Current(database, tmp_path / "snapshot"), tmp_path / "kept")
        with TestClient(create_app(service)) as client:
            yield client

    return serve


def a_morning(desk: Desk) -> None:
    """Two communities of 38 cells: an estate is cut out of one, and the cells around it are put right."""
    cells = desk.of(HOME)
    _, south, _, north = desk.shapes[cells[0]].bounds
    middle = desk.shapes[cells[0]].representative_point()
    line = [[middle.x, south - 1e-4], [middle.x, north + 1e-4]]
    parts = desk.draw(op="split", crs="wgs84", cell=cells[0], line=line)["minted"]
    desk.draw(op="split_into", cell=cells[1], parts=2)
    smallest = desk.of(BESIDE)[-1]
    pair = desk.neighbours([smallest], desk.of(BESIDE))
    desk.draw(op="merge", cells=list(pair), name="第1网格（合并）")
    one, other = desk.neighbours(desk.of(HOME)[4:10], desk.of(HOME)[4:10])
    desk.draw(
        op="move_boundary",
        crs="wgs84",
        cells=[one, other],
        line=bulge(desk.shared(one, other), desk.shapes[other]),
    )
    large = next(code for code in desk.of(BESIDE) if code != smallest)
    park = desk.shapes[large].representative_point().buffer(2.5e-4, quad_segs=2)
    desk.draw(
        op="cut_new",
        crs="wgs84",
        piece=json.loads(shapely.to_geojson(park)),
        name="新苑公园",
        kind="special",
        services=["公园管理"],
    )
    estate = [*parts, *desk.neighbours(parts, [code for code in desk.of(HOME) if code not in parts])[1:]]
    made = desk.draw(op="create_area", code=NEW, name="新苑社区居委会", parent=STREET, members=estate)
    assert len(made["minted"]) == 3
    near, giver = desk.neighbours(desk.of(NEW), desk.of(HOME))
    longest = max(shapely.get_parts(desk.shared(near, giver)), key=lambda each: each.length)
    piece = longest.interpolate(0.5, normalized=True).buffer(min(2e-4, longest.length / 3), quad_segs=2)
    desk.draw(
        op="transfer",
        crs="wgs84",
        **{"from": giver},
        to=near,
        piece=json.loads(shapely.to_geojson(piece)),
        across=True,
    )
    first, second = desk.of(NEW)[:2]
    desk.draw(op="change", cell=first, name="新苑一网格", kind="full_service", services=["养老服务", "物业协调"])
    desk.draw(op="change", cell=second, name="新苑二网格")
    desk.draw(op="change_area", area=BESIDE, name="新名社区居委会")
    desk.draw(op="posts", moves={cells[0]: second})


def checks(run: Run, *, status: int) -> dict[str, Any]:
    """The certificate by check."""
    answer = json.loads(run("draft", "certificate", 1, "--json", status=status).stdout)
    return {each["check"]: each for each in answer["checks"]}


def next_monday() -> datetime:
    """00:00 of the city's time."""
    now = datetime.now(CITY_TIME)
    day = now + timedelta(days=7 - now.weekday())
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


def in_chinese(papers: Path, name: str) -> str:
    """The text of a dossier, which has all three forms, without its breaks and blanks."""
    assert {path.suffix for path in papers.glob(f"{name}.*")} == {".html", ".pdf", ".xlsx"}
    return "".join("".join(pages_of((papers / f"{name}.pdf").read_bytes())).split())


def reviewed(run: Run, desk: Desk) -> None:
    """Waived with names, handed in, sent back with a pinned remark, mended, and approved level by level."""
    found = checks(run, status=1)
    failing = {name for name, each in found.items() if each["result"] == "fail"}
    assert failing == {"staffed", "size_band", "street_share"}
    assert all(each["point"] for each in found["street_share"]["offenders"])
    park = next(
        code
        for code in desk.of(BESIDE)
        if desk.shapes[code].area == min(desk.shapes[each].area for each in desk.of(BESIDE))
    )
    run("draft", "submit", 1, "--as", "wang")
    place = desk.shapes[park].centroid
    run(
        "draft",
        "return",
        1,
        "--comment",
        "公园由社区代管，名称写全。",
        "--point",
        place.x,
        place.y,
        "--crs",
        "wgs84",
        "--cell",
        park,
        "--as",
        "chen",
    )
    desk.draw(op="change", cell=park, name="新名社区新苑公园")
    for check, why in (
        ("staffed", "三名网格员下周一到岗"),
        ("size_band", "二期入住后再核"),
        ("street_share", "小区内部沿楼间路"),
    ):
        run("draft", "waive", 1, check, "--name", "李 规划科", "--reason", why, "--as", "chen")
    assert {each["result"] for each in checks(run, status=0).values()} == {
        "pass",
        "waived",
        "checked when published",
    }
    run("draft", "submit", 1, "--as", "wang")
    refused = run("draft", "publish", 1, "--at", next_monday().strftime("%Y-%m-%dT00:00"), status=1)
    assert isinstance(refused.exception, RuleBroken)
    assert f"not approved by district 120101, street {STREET}" in str(refused.exception)
    assert run("draft", "approve", 1, "--area", STREET, "--as", "zhao").stdout == "draft 1 is submitted\n"
    assert run("draft", "approve", 1, "--area", "120101", "--as", "sun").stdout == "draft 1 is approved\n"


def test_a_planners_day(run: Run, heping_copy: Database, tmp_path: Path, client_of: ClientOf) -> None:
    with heping_copy.begin(OPERATOR, long_work=True) as connection:
        city = read_city(connection)
        grid = read_grid(connection, city)
        update_city(connection, replace(city, approvals=("district", "street")))
        # other tests' rolled-back drafts have used numbers up
        connection.execute(text("ALTER TABLE draft ALTER COLUMN id RESTART"))
    assert len([cell for cell in grid.cells if cell.community in (HOME, BESIDE)]) == 38
    reason = "新苑小区入住，原网格户数过多，拟设新苑社区。"
    run("draft", "create", "新苑小区设立社区", "--reason", reason, "--as", "wang")
    desk = Desk(grid, run)
    a_morning(desk)
    drawn = {
        "split",
        "split_into",
        "merge",
        "move_boundary",
        "cut_new",
        "create_area",
        "transfer",
        "change",
        "posts",
    }
    assert drawn <= set(desk.ops)

    impact = json.loads(run("draft", "impact", 1, "--json").stdout)
    territory = next(each for each in impact["principles"] if each["key"] == "territory")
    assert (territory["passes_after"], territory["after"]["crossing_cells"]) == (True, 0)
    assert {code[:9] for code in impact["changed"]} == {STREET}
    reviewed(run, desk)
    run("draft", "dossier", 1, "-o", tmp_path, "--as", "wang")
    said = in_chinese(tmp_path, "draft-1")
    for each in (reason, "新苑社区居委会", "李 规划科", "三名网格员下周一到岗", "公园由社区代管", "zhao", "sun"):
        assert each.replace(" ", "") in said

    monday = next_monday()
    run("draft", "publish", 1, "--at", monday.strftime("%Y-%m-%dT00:00"), "--as", "sun")
    old = HOME + "004"
    point = shapely.point_on_surface(grid.index.degrees[grid.by_code[old]])
    asked = {"lon": point.x, "lat": point.y, "crs": "wgs84"}
    with client_of(heping_copy) as client:
        answer = client.get("/v1/coverage", params=asked).json()
        assert answer["cell"]["code"] == old
        assert datetime.fromisoformat(answer["upcoming"]["from"]) == monday
        assert answer["upcoming"]["cell"].startswith(NEW)
    assert run("draft", "publish-due").stdout == ""
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE draft SET publish_at = now()"))
    assert run("draft", "publish-due").stdout == "draft 1: revision 2\n"

    assert reason in run("revision", "list").stdout
    lineage = json.loads(run("revision", "lineage", old, "--json").stdout)
    assert lineage["last_revision"] == 1
    assert {each["code"][:12] for each in lineage["successors"]} == {NEW}
    assert sum(each["area_share"] for each in lineage["successors"]) == pytest.approx(1.0)
    difference = json.loads(run("revision", "diff", 1, 2, "--json").stdout)
    assert {(each["code"], each["change"]) for each in difference["areas"]} >= {(NEW, "begun")}
    assert json.loads(run("verify", "--json").stdout)["faults"] == []
    run("revision", "dossier", 2, "-o", tmp_path)
    said = in_chinese(tmp_path, "revision-2")
    for each in (reason, "新苑小区设立社区", "李 规划科", "人员数据未改动", "wang"):
        assert each.replace(" ", "") in said
