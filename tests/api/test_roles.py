"""Every role at every route, as the role table says: in the territory, above, beside and far off.

What is expected is read from ``gridmap.access``; only what a route does, and to what, stands here. A route that is
not listed fails. A refusal has the same bytes whether what was asked for exists or not, unless its being there is
public: codes of cells and areas, posts, shifts, revisions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import shapely
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import text

from api.ogc.tilesets import are_served
from gridmap.access import ALLOWED, OPERATOR, Action, Bound, bound
from gridmap.actions.draft_edits import edit_draft
from gridmap.actions.draft_review import Remark, comment_draft, open_notice, submit_draft
from gridmap.actions.drafts import change_draft, create_draft
from gridmap.actions.publish import publish
from gridmap.actions.releases import make_release
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.model import PUBLIC, ROLES, Actor
from gridmap.redraw.change import DrawnCell, GridChange
from gridmap.releases.periods import Month
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.keys import insert_key
from gridmap.store.snapshot import read_grid
from gridmap.store.tables import metadata
from tests.api.test_no_live_count_leaves import ASKED

Json = dict[str, Any]

STREET, NEXT_STREET, ELSEWHERE, CITY = "120101001", "120101002", "120102", "120000"
# What is asked for that there is not.
NO_ID, NO_CODE, NO_ANSWER = 987_654_321, "120101999999999", "00000000-0000-4000-8000-000000000000"
# How an actor's territory lies to the place that is asked for.
COVERING = ("inside", "parent", "city")
RELATIONS = ("neighbour", "other", *COVERING)  # the refused first: who may could leave nothing to be done


@dataclass
class World:
    """A city in which everything is there that routes ask for, all of it in one cell; and keys for every role."""

    client: TestClient
    database: Database
    cell: str
    spot: tuple[float, float]
    load: int
    incident: int
    answer: str
    released: str
    notice: str
    shifts: Iterator[int]
    exceptions: Iterator[int]
    numbers: Iterator[int]
    drafts: dict[str, int]
    comments: dict[str, int]
    keys: dict[tuple[str, str], dict[str, str]]

    def ask(self, key: dict[str, str], method: str, path: str, params: Json, body: Json | None) -> Response:
        names = {name for name in params if f"{{{name}}}" in path}
        rest = {name: value for name, value in params.items() if name not in names}
        return self.client.request(method, path.format(**params), params=rest, json=body, headers=key)


@dataclass(frozen=True)
class Route:
    """What needs a right: the action, what is asked for where it is there (and where not), and what answers it.

    ``marker``: whoever has the right is answered, with what lies in his territory only; it says of an answer
    whether it shows the one cell's. ``hidden``: whether the thing is there is nobody else's business.
    ``boundless``: what is told is no territory's. ``few``: it takes seconds, so one role that has the right asks.
    """

    action: Action
    method: str
    path: str
    params: Callable[[World, bool], Json] = lambda world, known: {}
    body: Callable[[World, bool], Json | None] = lambda world, known: None
    answers: tuple[int, ...] = (200,)
    hidden: bool = False
    marker: Callable[[World, Json], bool] | None = None
    few: bool = False
    boundless: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.action.name}"


def _cell(world: World, known: bool) -> str:
    return world.cell if known else NO_CODE


def _area(world: World, known: bool) -> Json:
    return {"area": _cell(world, known)}


def _tile(world: World, known: bool) -> Json:
    return {"z": 14, "x": 13525, "y": 6254, "area": _cell(world, known)}


def _rows(what: str, row: Json) -> Callable[[World, bool], Json]:
    def body(world: World, known: bool) -> Json:
        lon, lat = world.spot
        return {"crs": "wgs84", "source": "walk", what: [{"id": "walk", "lon": lon, "lat": lat, **row}]}

    return body


def _post(world: World, known: bool) -> Json:
    place = {"level": "cell", "territory": _cell(world, known)}
    return {"code": "walk-worker", "kind": "grid_worker", "title": "网格员", "phone": "022-0", **place}


def _shift(world: World, known: bool) -> Json:
    holder = {"code": "walk", "display_name": "值班员（试）"}
    post = "walked" if known else "no-such-post"
    return {"post": post, "holder": holder, "hours": "1-7 22:00-06:00", "valid_from": "2026-01-01"}


def _exception(world: World, known: bool) -> Json:
    during = {"begins": "2026-11-02T00:00:00+08:00", "ends": "2026-11-03T00:00:00+08:00"}
    substitute = {"code": "walk", "display_name": "值班员（试）"}
    return {"post": "walked" if known else "no-such-post", "kind": "extra", "substitute": substitute, **during}


def _rules(world: World, known: bool) -> Json:
    return {"post": "walked" if known else "no-such-post"}


def _load(world: World, known: bool) -> Json:
    return {"load_id": world.load if known else NO_ID}


def _key(world: World, known: bool) -> Json:
    return {"holder": "walk", "role": "viewer", "label": "walks", "territories": [_cell(world, known)]}


ROUTES = [
    Route(Action.READ_ELEMENTS, "GET", "/v1/elements", _area),
    Route(Action.READ_AUDIT, "GET", "/v1/audit", boundless=True),
    Route(
        Action.EXPLAIN,
        "GET",
        "/v1/coverage/{answer_id}",
        lambda world, known: {"answer_id": world.answer if known else NO_ANSWER},
        hidden=True,
    ),
    Route(Action.READ_INCIDENTS, "GET", "/v1/incidents", _area),
    Route(
        Action.READ_COUNTS,
        "GET",
        "/v1/heatmap/profile",
        lambda world, known: {"of": "incidents", "by": "category", **_area(world, known)},
    ),
    Route(
        Action.WRITE_ELEMENTS,
        "POST",
        "/v1/elements",
        body=_rows("elements", {"class": "object", "category": "bench"}),
        marker=lambda world, answer: answer["rows"][0]["status"] == "placed",
    ),
    Route(
        Action.WRITE_INCIDENTS,
        "POST",
        "/v1/incidents",
        body=_rows("incidents", {"category": "noise", "happened_at": "2026-11-02T03:00:00"}),
        marker=lambda world, answer: answer["rows"][0]["status"] == "placed",
    ),
    Route(
        Action.WRITE_INCIDENTS,
        "POST",
        "/v1/incidents/{incident}/handover",
        lambda world, known: {"incident": world.incident if known else NO_ID},
        answers=(200, 409),
        hidden=True,
    ),
    Route(
        Action.GIVE_KEYS,
        "GET",
        "/v1/keys",
        marker=lambda world, answer: [world.cell] in [each["territories"] for each in answer["keys"]],
    ),
    Route(Action.GIVE_KEYS, "POST", "/v1/keys", body=_key, answers=(201,)),
    Route(
        Action.GIVE_KEYS,
        "POST",
        "/v1/keys/{key_id}/revoke",
        lambda world, known: {"key_id": REVOKED if known else "no-such-key"},
        hidden=True,
    ),
    Route(Action.READ_NOTICES, "GET", "/v1/notices", lambda world, known: {"territory": _cell(world, known)}),
    Route(
        Action.READ_LOADS,
        "GET",
        "/v1/loads",
        lambda world, known: {"limit": 1000},
        marker=lambda world, answer: world.load in [each["id"] for each in answer["loads"]],
    ),
    Route(Action.READ_LOADS, "GET", "/v1/loads/{load_id}", _load, hidden=True),
    Route(Action.READ_LOADS, "GET", "/v1/loads/{load_id}/rejected", _load, hidden=True),
    Route(Action.READ_ON_THE_MAP, "GET", "/v1/on-the-map"),
    Route(Action.WRITE_DUTY, "POST", "/v1/posts", body=_post, answers=(200, 201)),
    Route(Action.WRITE_DUTY, "POST", "/v1/shifts", body=_shift, answers=(201,)),
    Route(Action.WRITE_DUTY, "POST", "/v1/shift-exceptions", body=_exception, answers=(201,)),
    Route(Action.WRITE_DUTY, "GET", "/v1/shift-exceptions", _rules),
    Route(
        Action.WRITE_DUTY,
        "DELETE",
        "/v1/shift-exceptions/{exception_id}",
        lambda world, known: {"exception_id": next(world.exceptions) if known else NO_ID},
        answers=(204,),
    ),
    Route(
        Action.WRITE_DUTY,
        "DELETE",
        "/v1/shifts/{shift_id}",
        lambda world, known: {"shift_id": next(world.shifts) if known else NO_ID},
        answers=(204,),
    ),
    Route(
        Action.READ_NEEDS,
        "GET",
        "/v1/cells/{code}/needs",
        lambda world, known: {"code": _cell(world, known), "purpose": "visit"},
    ),
    Route(
        Action.BREAK_GLASS,
        "POST",
        "/v1/break-glass",
        body=lambda world, known: {"cell": _cell(world, known), "reason": "fire"},
        answers=(201,),
    ),
    Route(
        Action.READ_AUDIT,
        "GET",
        "/v1/break-glass",
        marker=lambda world, answer: world.cell in [each["cell"] for each in answer["grants"]],
    ),
    Route(
        Action.READ_DOSSIERS,
        "GET",
        "/v1/revisions/{revision}/dossier.{suffix}",
        lambda world, known: {"revision": 2 if known else NO_ID, "suffix": "html"},
        few=True,
    ),
    Route(
        Action.PUBLISH,
        "POST",
        "/v1/revisions/{revision}/restore",
        lambda world, known: {"revision": 1 if known else NO_ID},
        answers=(200, 409),
    ),
    *(
        Route(Action.READ_COUNTS, "GET", f"/tiles/live_{kind}{rest}", params, answers=(200, 204))
        for kind in ("hexes", "counts", "incidents")
        for rest, params in ((".json", _area), ("/{z}/{x}/{y}.mvt", _tile))
    ),
    *(
        Route(action, "GET", f"/ogc/collections/{{collection_id}}{rest}", _collection, boundless=True)
        for action, name in ((Action.READ_ELEMENTS, "elements"), (Action.READ_INCIDENTS, "incidents"))
        for _collection in [lambda world, known, name=name: {"collection_id": name}]
        for rest in ("", "/queryables")
    ),
    *(
        Route(
            action,
            "GET",
            "/ogc/collections/{collection_id}/items",
            lambda world, known, name=name: {"collection_id": name, "limit": 10_000},  # type: ignore[misc]
            marker=lambda world, answer: world.cell in [each["properties"]["cell"] for each in answer["features"]],
        )
        for action, name in ((Action.READ_ELEMENTS, "elements"), (Action.READ_INCIDENTS, "incidents"))
    ),
    Route(
        Action.READ_INCIDENTS,
        "GET",
        "/ogc/collections/{collection_id}/items/{fid}",
        lambda world, known: {"collection_id": "incidents", "fid": world.incident if known else NO_ID},
        hidden=True,
    ),
]

# Drafts are bounded by who shares them, and under review by the territory. One of the rights is enough.
DRAFT_ROUTES: list[tuple[tuple[Action, ...], str, str, Json | None]] = [
    ((Action.READ_DRAFTS,), "GET", "", None),
    ((Action.READ_DRAFTS,), "GET", "/change", None),
    ((Action.READ_DRAFTS,), "GET", "/impact", None),
    ((Action.READ_DRAFTS,), "GET", "/certificate", None),
    ((Action.READ_DRAFTS,), "GET", "/compare?with={submitted}", None),
    ((Action.READ_DRAFTS,), "GET", "/dossier.xlsx", None),
    ((Action.READ_DRAFTS,), "POST", "/comments", {"text": "why?"}),
    ((Action.READ_DRAFTS,), "POST", "/comments/{comment}/resolve", None),
    ((Action.DRAW,), "PATCH", "", {"name": "another name"}),
    ((Action.DRAW,), "POST", "/edits", {"op": "change", "cell": "{cell}", "name": "改名网格"}),
    ((Action.DRAW,), "POST", "/undo", None),
    ((Action.DRAW,), "POST", "/proposals", {"area": "120101001001", "parts": 2, "count": 1}),
    ((Action.DRAW,), "POST", "/redo", None),
    ((Action.REVIEW, Action.PUBLISH), "POST", "/waivers", {"check": "staffed", "name": "Li", "reason": "hired"}),
    ((Action.REVIEW, Action.PUBLISH), "POST", "/notice", None),
    ((Action.REVIEW, Action.PUBLISH), "DELETE", "/notice", None),
    ((Action.PUBLISH,), "POST", "/recall", None),
    ((Action.PUBLISH,), "POST", "/publish", {"note": "walked"}),
    ((Action.REVIEW,), "POST", "/approve", None),
    ((Action.DRAW,), "POST", "/submit", None),
    ((Action.REVIEW,), "POST", "/return", {"comments": []}),
    ((Action.DRAW,), "DELETE", "", None),
]
# Lists that show what one may see, and what begins a draft; asked in tests of their own.
DRAFT_LISTS = {("GET", "/v1/drafts"), ("POST", "/v1/drafts")}

# What everybody is answered: queries that find something, where those of the walk do not.
OPEN: dict[str, Json] = {
    "/healthz": {},
    "/ogc/collections/{collection_id}": {"collection_id": "cells"},
    "/ogc/collections/{collection_id}/queryables": {"collection_id": "cells"},
    "/ogc/collections/{collection_id}/items": {"collection_id": "street", "limit": 1},
    "/ogc/collections/{collection_id}/items/{fid}": {"collection_id": "street", "fid": STREET},
    "/v1/drafts/notice/{token}": {},
    "/v1/download/{layer}.{suffix}": {"layer": "overlays", "suffix": "fgb"},
    "/v1/releases/{period}/{layer}.{suffix}": {"period": "2026-10", "layer": "street", "suffix": "csv"},
    "/v1/releases/{period}": {"period": "2026-10", "of": "incidents", "by": "street"},
    "/v1/heatmap": {"of": "incidents", "by": "street", "period": "2026-10"},
    "/v1/staffing/{code}": {"code": STREET},
    "/styles/{name}.json": {"name": "light"},
}
# A stream that does not end; tests/api/web/test_events.py reads it.
ENDLESS = {("GET", "/v1/events")}
# By which one becomes somebody else; tests/api/test_login.py and tests/api/web/ go through them.
DOORS = {(method, f"/login{rest}") for method in ("GET", "POST") for rest in ("", "/provider", "/callback")} | {
    ("POST", "/logout")
}
# A key of the walk that is revoked again and again.
REVOKED = "walk-revoked"


def routes_of(client: TestClient) -> set[tuple[str, str]]:
    """Method and path of each route; HEAD is GET without its body."""
    included = [each.original_router for each in client.app.routes if hasattr(each, "original_router")]  # type: ignore[attr-defined]
    every = [route for each in (client.app, *included) for route in each.routes if isinstance(route, APIRoute)]
    found = {(method, route.path) for route in every for method in (route.methods or set()) - {"HEAD"}}
    return found - DOORS


@pytest.fixture(scope="module")
def world(
    serve: Callable[..., AbstractContextManager[TestClient]],
    make_copy: Callable[[str], AbstractContextManager[Database]],
) -> Iterator[World]:
    with make_copy("heping_roles") as database:
        make_release(database, OPERATOR, Month(2026, 10), datetime(2026, 11, 2, tzinfo=UTC), lambda _: None)
        made = _furnished(database)
        with serve(database) as client:
            yield replace(made, client=client, answer=_kept_answer(client, made))


def _kept_answer(client: TestClient, made: World) -> str:
    """The id of what the desk was told of the cell."""
    lon, lat = made.spot
    asked = {"lon": lon, "lat": lat, "crs": "wgs84"}
    answer = client.get("/v1/coverage", params=asked, headers=made.keys["dispatcher", "inside"]).json()
    assert answer["cell"]["code"] == made.cell
    client.app.state.service.trail.work()  # type: ignore[attr-defined]
    return str(answer["id"])


def _furnished(database: Database) -> World:
    with database.begin(OPERATOR, long_work=True) as connection:
        city = read_city(connection)
        grid = read_grid(connection, city)
        at = _inner(grid)
        cell, shape = grid.cells[at], grid.index.degrees[at]
        given = {"cell": cell.code, "id": cell.id}
        (incident,) = connection.execute(
            text(
                "UPDATE incident SET handler = 'T-post' WHERE id = "
                "(SELECT min(incident_id) FROM incident_placement WHERE cell_id = :id) RETURNING id"
            ),
            given,
        ).scalars()
        (load,) = connection.execute(
            text(
                "INSERT INTO load (what, source, file, actor, rows, placed, outside, rejected, territories) "
                "VALUES ('elements', 'walk', 'f', 'walk', 0, 0, 0, 0, ARRAY[:cell]) RETURNING id"
            ),
            given,
        ).scalars()
        shifts, exceptions = _posted(connection, given)
    drawn = DrawnCell("新名", cell.kind, cell.community, cell.services, shape)
    begins = grid.revision.valid_from + timedelta(days=1)
    publish(
        database, OPERATOR, 1, GridChange(frozenset(), {cell.code: drawn}), begins, "a name", lambda _: None, grid
    )
    drafts, comments, notice = _drafted(database, cell.code)
    point = shapely.point_on_surface(shape)
    keys = _keys(database, cell.code)
    return World(
        client=None,  # type: ignore[arg-type]
        database=database,
        cell=cell.code,
        spot=(point.x, point.y),
        load=load,
        incident=incident,
        answer=NO_ANSWER,
        released="2026-10",
        notice=notice,
        shifts=iter(shifts),
        exceptions=iter(exceptions),
        numbers=count(),
        drafts=drafts,
        comments=comments,
        keys=keys,
    )


def _inner(grid: Grid) -> int:
    """The position of a cell of the street with no other street beside it, the one with most neighbours."""
    others = shapely.union_all(
        [s for c, s in zip(grid.cells, grid.index.degrees, strict=True) if c.code[:9] != STREET]
    )
    inner = [
        at
        for at, cell in enumerate(grid.cells)
        if cell.code.startswith(STREET) and not shapely.intersects(grid.index.degrees[at], others)
    ]
    assert inner, "every cell of the street lies at its border"
    return inner[0]


def _posted(connection: Any, given: Json) -> tuple[list[int], list[int]]:
    """A post in the cell with shifts and exceptions that can be ended one by one."""
    connection.execute(
        text(
            "INSERT INTO post (code, kind, title, level, territory, phone) "
            "VALUES ('walked', 'grid_worker', '网格员', 'cell', :cell, '022-1')"
        ),
        given,
    )
    shifts = connection.execute(
        text(
            "INSERT INTO shift (post, holder, weekdays, starts, minutes, valid) SELECT 'walked', "
            "(SELECT min(code) FROM holder), 127, 0, 60, daterange('2026-01-01', NULL) "
            "FROM generate_series(1, 200) RETURNING id"
        )
    )
    exceptions = connection.execute(
        text(
            "INSERT INTO shift_exception (post, kind, holder, during) SELECT 'walked', 'leave', "
            "(SELECT min(code) FROM holder), tstzrange('2040-01-01', '2040-01-02') "
            "FROM generate_series(1, 200) RETURNING id"
        )
    )
    return list(shifts.scalars()), list(exceptions.scalars())


OWNER = Actor("owner", "planner", (CITY,))
SHARER = Actor("sharer", "planner", (CITY,))


def _drafted(database: Database, cell: str) -> tuple[dict[str, int], dict[str, int], str]:
    """An open draft and a submitted one of one planner, shared with another, with a comment on each."""
    bench, drafts, comments = Workbench(), {}, {}
    for state in ("open", "submitted"):
        number = create_draft(database, OWNER, f"{state} draft").id
        edit_draft(database, OWNER, bench, number, {"op": "change", "cell": cell, "name": f"{state}"})
        change_draft(database, OWNER, number, None, [SHARER.id])
        comments[state] = comment_draft(database, OWNER, number, Remark("why?"))
        drafts[state] = number
    submit_draft(database, OWNER, bench, drafts["submitted"])
    approver = Actor("noticer", "approver", (CITY,))
    return drafts, comments, open_notice(database, approver, drafts["submitted"])


def _keys(database: Database, cell: str) -> dict[tuple[str, str], dict[str, str]]:
    territories = {
        "inside": cell, "parent": STREET, "city": CITY, "neighbour": NEXT_STREET, "other": ELSEWHERE,
    }  # fmt: skip
    actors = {
        (role, relation): Actor(f"{role}-{relation}", role, (code,))
        for role in ROLES
        if role != PUBLIC.role
        for relation, code in territories.items()
    } | {(OWNER.role, "owner"): OWNER, (SHARER.role, "sharer"): SHARER}
    keys = {key: f"gm_{number}-{key}" for number, key in enumerate(actors)}
    with database.begin(OPERATOR) as connection:  # by no action: a territory elsewhere is not in this city
        for key, actor in actors.items():
            insert_key(connection, actor.id, keys[key], actor, "walks", None)
        insert_key(connection, REVOKED, "gm_revoked", Actor(REVOKED, "viewer", (cell,)), "walks", None)
    headers = {key: {"Authorization": f"Bearer {text}"} for key, text in keys.items()}
    return headers | {(PUBLIC.role, relation): {} for relation in territories}


def test_every_route_stands_here(world: World) -> None:
    listed = {(route.method, route.path) for route in ROUTES} | DRAFT_LISTS | ENDLESS | {("POST", "/v1/coverage")}
    listed |= {(method, f"/v1/drafts/{{draft}}{path}".partition("?")[0]) for _, method, path, _ in DRAFT_ROUTES}
    listed = {(m, p.replace("/dossier.xlsx", "/dossier.{suffix}")) for m, p in listed}
    there = routes_of(world.client)
    assert {route for route in listed if route not in there} == set()
    rest = {path for method, path in there - listed if method == "GET"}
    assert {(method, path) for method, path in there - listed if method != "GET"} == set(), "a route is not listed"
    for path in rest:
        query = _open_query(world, path)
        answer = world.ask({}, "GET", path, query, None)
        assert answer.status_code < 400 or _is_absent(world, path), f"{path} is for everybody, or must be listed"


def _open_query(world: World, path: str) -> Json:
    if path == "/v1/drafts/notice/{token}":
        return {"token": world.notice}
    return OPEN.get(path, ASKED.get(path, [{}])[0])


def _is_absent(world: World, path: str) -> bool:
    """What there is only where tiles are served."""
    return "/tiles" in path and path.startswith("/ogc/collections") and not are_served(world.client.app)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ROLES)
def test_what_is_public_is_answered_to_every_role_everywhere(world: World, role: str) -> None:
    assert (
        bound(Actor("x", role), Action.READ_WALL)
        is bound(Actor("x", role), Action.READ_RELEASES)
        is Bound.EVERYWHERE
    )
    key = world.keys[role, "other"]
    guarded = {route.path for route in ROUTES if route.method == "GET"} - OPEN.keys()
    paths = {path for method, path in routes_of(world.client) - ENDLESS - DRAFT_LISTS if method == "GET"} - guarded
    for path in sorted(path for path in paths if not path.startswith("/v1/drafts/{draft}")):
        answer = world.ask(key, "GET", path, _open_query(world, path), None)
        assert answer.status_code < 400 or _is_absent(world, path), (path, answer.text)
    body = {"crs": "wgs84", "points": [list(world.spot)]}
    assert world.ask(key, "POST", "/v1/coverage", {}, body).json()["cells"] == [world.cell]


# Before the walk below, by which glass is broken and posts are written.
# What the API refuses to most and the database to nobody: coverage names to everybody who is away and who stands
# in, and what a revision changed is public. The households in its dossier are not, which a test of its own holds.
NOT_KEPT_BACK = {("GET", "/v1/shift-exceptions"), ("GET", "/v1/revisions/{revision}/dossier.{suffix}")}
# What requests write by being asked: their trace, when a key was last used, which server is there; and that duty
# may have changed, which a statement that changed no row says, too.
BESIDES = {"audit_pending", "audit_entry", "audit_batch", "audit_detail", "kept_answer", "api_key", "worker"}
BESIDES |= {"data_version"}
# The parts of an answer that list what was found.
FOUND = ("elements", "incidents", "notices", "buildings", "rows", "entries", "persons")


def _written(world: World) -> dict[str, tuple[int, int]]:
    """How many rows each table has, and what wrote last in it: every insert, update and delete changes one."""
    tables = [each.name for each in metadata.sorted_tables if each.name not in BESIDES]
    each = " UNION ALL ".join(
        f"SELECT '{table}', count(*), coalesce(max(xmin::text::bigint), 0) FROM \"{table}\"" for table in tables
    )
    with world.database.begin(OPERATOR) as connection:
        return {table: (rows, last) for table, rows, last in connection.execute(text(each))}


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if (each.method, each.path) not in NOT_KEPT_BACK], ids=str
)
def test_with_the_apis_checks_off_the_database_lets_nothing_through(
    world: World, unchecked: Callable[[], AbstractContextManager[None]], route: Route
) -> None:
    """Whoever may not finds nothing, or is told what is told of a thing that is not there; and changes no row."""
    for role in ROLES:
        before = None if route.method == "GET" else _written(world)
        for relation in RELATIONS:
            if _is_covered(route, role, relation):
                continue
            who, key = (str(route), role, relation), world.keys[role, relation]
            known, made_up = route.params(world, True), route.params(world, False)
            with unchecked():
                answer = world.ask(key, route.method, route.path, known, route.body(world, True))
                other = world.ask(key, route.method, route.path, made_up, route.body(world, False))
            assert answer.status_code != 500, who
            if answer.status_code >= 400 or before is not None:
                continue
            if route.marker is not None:
                assert not route.marker(world, answer.json()), (who, answer.text[:300])
            elif other.status_code == 404:  # the code of a place is known to everybody, what is there is not
                lists = [answer.json()[name] for name in FOUND if name in answer.json()]
                assert lists, (who, answer.text[:300])
                assert not any(lists), (who, answer.text[:300])
            else:
                assert _plain(answer, known) == _plain(other, made_up), (who, answer.text[:300], other.text[:300])
        if before is not None:
            assert _written(world) == before, (str(route), role)


def _is_covered(route: Route, role: str, relation: str) -> bool:
    """Whether the table of rights lets the role do it in a territory that lies so to the one cell."""
    reach = bound(Actor("x", role), route.action)
    near = relation in COVERING or route.boundless or reach is Bound.EVERYWHERE
    covered = near and reach in (Bound.TERRITORY, Bound.BESIDE, Bound.EVERYWHERE)
    return covered or (relation == "city" and reach is Bound.CITY)


def test_with_the_checks_off_a_dossier_has_no_households(
    world: World, unchecked: Callable[[], AbstractContextManager[None]]
) -> None:
    path = "/v1/revisions/2/dossier.html"
    households = re.compile(r"户数登记于")
    assert households.search(world.client.get(path, headers=world.keys["planner", "city"]).text)
    with unchecked():
        for who in (("public", "other"), ("planner", "other"), ("auditor", "city")):
            told = world.client.get(path, headers=world.keys[who])
            assert told.status_code == 200
            assert not households.search(told.text), who


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_right_reaches_as_far_as_the_table_says(world: World, route: Route) -> None:
    few = sorted(ALLOWED[route.action])[:1]
    for role in ROLES:
        for relation in RELATIONS:
            reach, covered = bound(Actor("x", role), route.action), _is_covered(route, role, relation)
            if route.few and covered and role not in few:
                continue
            key = world.keys[role, relation]
            answer = world.ask(key, route.method, route.path, route.params(world, True), route.body(world, True))
            if reach is not None and (covered or route.marker is not None):
                assert answer.status_code in route.answers, (role, relation, answer.text)
                if route.marker is not None:
                    assert route.marker(world, answer.json()) == covered, (role, relation)
            else:
                _is_refused(world, route, role, relation, answer, by_role=reach is None)


def _is_refused(world: World, route: Route, role: str, relation: str, answer: Response, *, by_role: bool) -> None:
    """401 without a key, 403 by role; outside the territory 403, or 404 for what nobody else may know of."""
    who = (str(route), role, relation, answer.text)
    expected = 401 if role == PUBLIC.role else 403 if by_role or not route.hidden else 404
    assert answer.status_code == expected, who
    known, made_up = route.params(world, True), route.params(world, False)
    other = world.ask(world.keys[role, relation], route.method, route.path, made_up, route.body(world, False))
    if by_role or route.hidden:
        assert _plain(answer, known) == _plain(other, made_up), who


def _plain(answer: Response, params: Json) -> bytes:
    """The answer without the name of what was asked for; a number is no part of another one."""
    content = answer.content
    for value in params.values():
        content = re.sub(rb"(?<![0-9])%b(?![0-9])" % re.escape(str(value)).encode(), b"*", content)
    return content


@pytest.mark.parametrize("state", ["open", "submitted"])
@pytest.mark.parametrize(("actions", "method", "path", "body"), DRAFT_ROUTES, ids=str)
def test_a_draft_is_there_for_those_who_share_it_and_for_reviewers_once_submitted(
    world: World, actions: tuple[Action, ...], method: str, path: str, body: Json | None, state: str
) -> None:
    number, changes = world.drafts[state], (method in ("DELETE",) and not path) or path in ("/submit", "/return")
    filled = body and {
        name: value.format(cell=world.cell) if name == "cell" else value for name, value in body.items()
    }
    for (role, relation), key in world.keys.items():
        if role == PUBLIC.role and relation != "other":
            continue
        reach = bound(Actor("x", role), Action.READ_DRAFTS)
        shares = relation in ("owner", "sharer")
        sees = shares or (reach is Bound.REVIEW and state == "submitted" and relation in COVERING)
        takes = any(role in ALLOWED[action] for action in actions)
        if sees and takes and (changes or path == "/publish"):
            continue  # which would end what the others are asked for; tests of drafts do it
        if shares and path == "/return":
            continue  # its owner takes it back
        there = path.format(submitted=world.drafts["submitted"], comment=world.comments[state])
        answers = [
            world.client.request(method, f"/v1/drafts/{each}{there}", json=filled, headers=key)
            for each in (number, NO_ID)
        ]
        who = (role, relation, answers[0].text)
        if sees and takes:
            assert answers[0].status_code not in (401, 403, 404), who
        else:
            assert answers[0].status_code in ((401,) if role == PUBLIC.role else (403, 404)), who
            if not sees:
                first, second = (
                    _plain(each, {"draft": n}) for each, n in zip(answers, (number, NO_ID), strict=True)
                )
                assert first == second, who


def test_lists_of_drafts_show_what_one_may_see(world: World) -> None:
    for (role, relation), key in world.keys.items():
        answer = world.client.get("/v1/drafts", headers=key)
        reach = bound(Actor("x", role), Action.READ_DRAFTS)
        if reach is None:
            assert answer.status_code == (401 if role == PUBLIC.role else 403)
            continue
        shown = {each["draft"] for each in answer.json()["drafts"]} & set(world.drafts.values())
        shares, reviews = relation in ("owner", "sharer"), reach is Bound.REVIEW and relation in COVERING
        assert shown == (
            set(world.drafts.values()) if shares else {world.drafts["submitted"]} if reviews else set()
        )


def test_planners_alone_begin_drafts(world: World) -> None:
    for (role, _), key in world.keys.items():
        if role not in ALLOWED[Action.DRAW]:
            answer = world.client.post("/v1/drafts", json={"name": "mine"}, headers=key)
            assert answer.status_code == (401 if role == PUBLIC.role else 403)


def test_counts_of_a_place_are_for_its_staff(world: World) -> None:
    """Rosters, authors and heatmaps are for everybody, and have more for some."""
    for (role, relation), key in world.keys.items():
        actor = Actor("x", role)
        staff = bound(actor, Action.READ_COUNTS) is Bound.TERRITORY and relation in (*COVERING, "owner", "sharer")
        roster = world.client.get(f"/v1/cells/{world.cell}/roster", headers=key).json()
        assert (roster["elements"] is not None, roster["open_incidents"] is not None) == (staff, staff)
        assert roster["ladder"]
        asked = {"of": "incidents", "by": "cell", "area": world.cell}
        heatmap = world.client.get("/v1/heatmap", params=asked, headers=key)
        refused = 401 if role == PUBLIC.role else 403
        assert heatmap.status_code == (200 if staff else refused), (role, relation)
