"""Every route, attacked by strangers with data made from its own description.

No 500, no undocumented status or shape, no word of the inside. Those with a key: ``test_schemathesis_roles.py``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings, strategies
from schemathesis import APIOperation, Case, CheckContext, GenerationMode, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks
from sqlalchemy import text
from sqlalchemy.engine import URL

from api.app import create_app
from api.deps import Service
from api.ogc.tilesets import are_served
from gridmap.access import OPERATOR
from gridmap.actions.draft_edits import edit_draft, undo_edit
from gridmap.actions.draft_publish import schedule_draft
from gridmap.actions.draft_review import Remark, comment_draft, open_notice, submit_draft, waive_check
from gridmap.actions.drafts import create_draft
from gridmap.actions.keys import give_key
from gridmap.actions.publish import publish
from gridmap.actions.releases import make_release
from gridmap.actions.workbench import Workbench
from gridmap.current import Current
from gridmap.model import WAIVABLE, Actor
from gridmap.redraw.change import GridChange
from gridmap.releases.periods import Month
from gridmap.settings import Settings
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid

Headers = dict[str, str]

# What a well-formed request may still be told: what it names does not exist, or a right or a rule forbids it.
CONFIG = {
    # Publishing takes seconds, and many on a busy machine.
    "request-timeout": 120,
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "404", "409", "422"]},
        "negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405", "414", "422"]},
    },
    # Persons are listed to caseworkers only, and for a purpose; keys are given out for what is in one's territory.
    "operations": [
        {
            "include-path-regex": "^/v1/(elements|keys)$",
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]}
            },
        },
        # What no release says is forbidden to whoever has a key and is not staff.
        {
            "include-path-regex": "^/(styles/|tiles/(hexes|counts|incidents))",
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "422"]},
                "negative_data_rejection": {
                    "expected-statuses": ["400", "401", "403", "404", "405", "414", "422"]
                },
            },
        },
        # OGC API answers a wrong parameter with 400, and what only staff may list with 401 or 403.
        {
            "include-path-regex": "^/ogc/",
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401", "403", "404"]},
                "negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405", "414"]},
            },
        },
    ],
    # A query field that a route does not know is no error.
    "generation": {"allow-extra-parameters": False, "with-security-parameters": False},
}
# What no answer says: statements, places of files, names of what GridMap is made of.
INSIDE = re.compile(
    r"Traceback|psycopg|sqlalchemy|site-packages|File \\?\"/|\bSELECT\b.*\bFROM\b|\bINSERT INTO\b|pg_catalog"
    r"|syntax error at or near|/var/lib/|/tmp/|\.py\b",
    re.DOTALL,
)


@schemathesis.check
def nothing_of_the_inside(ctx: CheckContext, response: Response, case: Case) -> None:
    """Whatever was sent, the answer tells nothing that is not about it."""
    found = INSIDE.search(without_echo(response.text, case)) if response.status_code >= 400 else None
    assert found is None, f"the answer tells of the inside: {found}"


def without_echo(answer: str, case: Case) -> str:
    """An error names the value that was wrong: that is no leak."""
    sent = f"{case.path_parameters} {case.query} {case.body!r}"
    return "" if INSIDE.search(sent) else answer


CHECKS = [
    nothing_of_the_inside,
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
]
# Values that exist: without them hardly a random request would find anything to answer.
KNOWN = {
    "/v1/cells/{code}": ["120101001001001", "120101001001002"],
    "/v1/staffing/{code}": ["120000", "120101", "120101001001", "120101001001001"],
    "/v1/areas/{code}": ["120000", "120101", "120101001", "120101001001"],
    "area": ["120101", "120101001"],
    "parent": ["120000", "120101"],
    "level": ["city", "district", "community"],
    "territory": ["120101", "120101001001001", "120101-Q01"],
    "post": ["120101-desk", "120101001001001-worker"],
    "crs": ["wgs84", "gcj02", "bd09", "EPSG:4490"],
    "lon": [117.19, 117.1950, 117.2, 116.0, -179.9],
    "lat": [39.11, 39.1180, 39.12, 39.9, 89.0],
    "at": ["2026-11-02T03:00:00+08:00", "2025-12-01T00:00:00Z"],
    "revision": [1],
    "category": ["noise", "fire"],
    "address": ["建义路1号", "和平区建义路", "建义路与清兰西道交口", "Jianyi Lu 1", "不存在的地方"],
    "district": ["和平区", "120101"],
    "layer": ["cells", "community", "labels", "lines", "street", "overlays"],
    "z": [14],
    "x": [13525],
    "y": [6254],
    "bbox": ["117.18,39.11,117.19,39.12"],
    "shift_id": list(range(1, 40)),
    "load_id": [1, 2, 3],
    "class": ["place", "object"],
    "by": ["hex", "cell", "street"],
    "hours": ["8-18", "22-6"],
    "weekdays": ["1-5", "6,7"],
    "from": ["2026-01-01"],
    "to": ["2026-07-01"],
    "compare_from": ["2025-11-01"],
    "compare_to": ["2026-01-01"],
    "measure": ["count", "per_km2"],
    "collection_id": ["cells", "street", "overlays", "incidents", "released_street"],
    "other": [1, 2],
    "cell": ["120101001001001"],
    "incident": list(range(1, 40)),
    "fid": ["1", "2", "120101001", "120101-Q01", "2026-10.120101001"],
    "matrix_set": ["WebMercatorQuad"],
    "datetime": ["2026-11-02T03:00:00Z", "2025-12-01T00:00:00Z/..", "2026-10"],
    "filter": ["code LIKE '1201%'", "S_INTERSECTS(geometry, POINT(117.195 39.118))"],
    "filter-lang": ["cql2-text"],
    "filter-crs": ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"],
    "bbox-crs": ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"],
    "suffix": ["fgb", "parquet"],
    "counts": ["incidents", "person"],
    "since": ["2025-12-01T00:00:00Z"],
    "resolution": [8],
    "period": ["2026-10"],
    "until": ["2026-11-02T03:00:00+08:00"],
    "purpose": ["visit", "evacuation"],
    "offenders": ["territory", "streets", "seamless", "fixed"],
}
# … and of one path.
KNOWN_OF: dict[str, dict[str, list[object]]] = {
    "/v1/heatmap/profile": {"by": ["month", "week_hour", "category"], "of": ["incidents"]},
}
# Features that there are.
FEATURES = (("cells", "1"), ("street", "120101001"), ("released_street", "2026-10.120101001"))
# Bodies that are taken; random ones hardly ever fit together.
BODIES: dict[str, dict[str, object]] = {
    "/v1/coverage": {"crs": "gcj02", "points": [[117.195, 39.118], [116.0, 39.9]], "accuracy_m": 10.0},
    "/v1/posts": {
        "code": "T-random",
        "kind": "grid_worker",
        "title": "网格员",
        "level": "district",
        "territory": "120101",
        "phone": "022-00000000",
    },
    "/v1/shifts": {
        "post": "120101-desk",
        "holder": {"code": "T-1", "display_name": "值班员（试）"},
        "hours": "1-7 22:00-06:00; 6 08:00-12:00",
        "valid_from": "2026-01-01",
    },
    "/v1/shift-exceptions": {
        "post": "120101-desk",
        "kind": "extra",
        "begins": "2026-11-02T00:00:00+08:00",
        "ends": "2026-11-03T00:00:00+08:00",
        "substitute": {"code": "T-2", "display_name": "值班员（试）"},
    },
    "/v1/elements": {
        "crs": "gcj02",
        "source": "T-random",
        "elements": [{"id": "1", "lon": 117.2013, "lat": 39.119, "class": "object", "category": "bench"}],
    },
    "/v1/revisions/{revision}/restore": {"note": "as it was"},
    "/v1/break-glass": {"cell": "120101001001001", "reason": "fire"},
    "/v1/keys": {"holder": "attacked", "role": "viewer", "label": "a test", "territories": ["120101"]},
    "/v1/incidents": {
        "crs": "wgs84",
        "source": "T-random",
        "incidents": [
            {"id": "1", "lon": 117.195, "lat": 39.118, "category": "noise", "happened_at": "2026-11-02T03:00:00"}
        ],
    },
}
# Bodies for drafts; the edit may be made again and again.
BODIES |= {
    "/v1/drafts": {"name": "a draft"},
    "/v1/drafts/{draft}": {"name": "another name", "shared_with": ["somebody"]},
    "/v1/drafts/{draft}/edits": {"op": "change", "cell": "120101001001001", "name": "改名网格"},
    "/v1/drafts/{draft}/proposals": {"area": "120101001001", "count": 2},
    "/v1/drafts/{draft}/return": {"comments": [{"text": "why?", "point": [117.195, 39.118], "crs": "wgs84"}]},
    "/v1/drafts/{draft}/approve": {"area": "120101"},
    "/v1/drafts/{draft}/comments": {"text": "why?", "cell": "120101001001001"},
    "/v1/drafts/{draft}/waivers": {"check": "staffed", "name": "Li", "reason": "hired in May"},
    "/v1/drafts/{draft}/publish": {"note": "attacked"},
}
# Drafts begin at a number that no random one hits: whoever gives up or undoes at random does it to none of these.
FIRST_DRAFT = 7_001
# A community, which is soon divided, and a district, which is too large.
DIVIDED = ["120101001001", "120101"]
# Which draft, counted from the first, is in a state that the route takes; the first one is open, and is left so.
DRAFTS = {
    "/v1/drafts/{draft}": [9],
    "/v1/drafts/{draft}/submit": [2],
    "/v1/drafts/{draft}/return": [3],
    "/v1/drafts/{draft}/approve": [4],
    "/v1/drafts/{draft}/publish": [5],
    "/v1/drafts/{draft}/recall": [6],
    "/v1/drafts/{draft}/notice": [7],
    "/v1/drafts/{draft}/waivers": [7],
}
COUNTS = ("hexes", "counts", "incidents")
# Reads that are for staff only.
STAFF_ONLY = {
    "/v1/heatmap/profile",
    "/v1/keys",
    "/v1/elements",
    "/v1/incidents",
    "/v1/loads",
    "/v1/loads/{load_id}",
    "/v1/loads/{load_id}/rejected",
    "/v1/on-the-map",
    "/v1/audit",
    "/v1/coverage/{answer_id}",
    "/v1/notices",
    "/v1/shift-exceptions",
    "/v1/break-glass",
    "/v1/cells/{code}/needs",
    *(f"/tiles/live_{kind}{rest}" for kind in COUNTS for rest in (".json", "/{z}/{x}/{y}.mvt")),
    "/v1/drafts",
    "/v1/drafts/{draft}",
    "/v1/drafts/{draft}/change",
    "/v1/drafts/{draft}/impact",
    "/v1/drafts/{draft}/compare",
    "/v1/drafts/{draft}/certificate",
    "/v1/drafts/{draft}/dossier.{suffix}",
    "/v1/revisions/{revision}/dossier.{suffix}",
}
# What there is only where tiles are served.
TILESETS = {"/ogc/collections/{collection_id}/tiles", "/ogc/collections/{collection_id}/tiles/{matrix_set}"}
# What a route takes one of: parameters of the one do not go with those of the other.
EITHER = {"/v1/coverage": ({"lon", "lat", "crs", "known_at", "revision"}, {"address", "district"})}
# Who draws the drafts that the routes are asked for.
PLANNER = Actor("attacked", "planner", ("120000",))
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


# A stream that does not end cannot be read to its end; tests/api/web/test_events.py reads it.
ENDLESS = {"/v1/events"}


def routes() -> list[tuple[str, str]]:
    """(method, path) of every route that the service describes."""
    nowhere = Database(URL.create("postgresql+psycopg2"))
    app = create_app(Service(Settings(host="127.0.0.1"), nowhere, Current(nowhere, Path())))
    return [
        (method, path)
        for path, methods in app.openapi()["paths"].items()
        if path not in ENDLESS
        for method in methods
    ]


every_route = pytest.mark.parametrize(("method", "path"), routes())


def redraw(database: Database) -> None:
    """A second revision, so that there is one to go back to, and incidents that are still to be handed over."""
    with database.begin(OPERATOR, long_work=True) as connection:
        grid = read_grid(connection, read_city(connection))
        handled = "SELECT incident_id FROM incident_placement WHERE incident_id < 40 AND cell_id IS NOT NULL"
        connection.execute(text(f"UPDATE incident SET handler = 'T-post' WHERE id IN ({handled})"))
    area = grid.areas["120101001001"]
    change = GridChange(frozenset(), {}, areas_drawn={area.code: replace(area, name="改名社区")})
    begins = grid.revision.valid_from + timedelta(days=1)
    publish(database, OPERATOR, 1, change, begins, "another name", lambda _: None, grid)


def draw(database: Database) -> None:
    """A draft in each state that a route asks for, each in a community of its own; one is at public notice."""
    bench, owner = Workbench(), replace(OPERATOR, id=PLANNER.id)
    with database.begin(OPERATOR, long_work=True) as connection:
        connection.execute(text(f"ALTER TABLE draft ALTER COLUMN id RESTART WITH {FIRST_DRAFT}"))
        grid = read_grid(connection, read_city(connection))
    later = datetime.now(UTC) + timedelta(days=300)
    communities = sorted({cell.community for cell in grid.cells})[1:10]
    for number, community in enumerate(communities, FIRST_DRAFT):
        code = next(cell.code for cell in grid.cells if cell.community == community)
        assert create_draft(database, owner, f"draft {number}").id == number
        for name in ("once", "twice", "three times"):
            edit_draft(database, owner, bench, number, {"op": "change", "cell": code, "name": name})
        if number == FIRST_DRAFT:
            undo_edit(database, owner, bench, number)
            comment_draft(database, owner, number, Remark("why?"))
        if number >= FIRST_DRAFT + 2:
            submit_draft(database, owner, bench, number)
        for check in WAIVABLE if number >= FIRST_DRAFT + 4 else ():
            waive_check(database, owner, number, check, "Li", "a test")
    schedule_draft(database, owner, bench, FIRST_DRAFT + 5, later)
    KNOWN["token"] = [open_notice(database, owner, FIRST_DRAFT + 7)]
    KNOWN["key_id"] = [give_key(database, owner, Actor("a-desk", "viewer", ("120101",)), "a test")[0].id]


@pytest.fixture(scope="module")
def attacked(
    serve: Callable[..., Any], make_copy: Callable[..., Any], key_for: Callable[..., dict[str, str]]
) -> Iterator[TestClient]:
    """A client of a copy of Heping that is written to at random."""
    with make_copy("heping_attacked") as database:
        make_release(database, OPERATOR, Month(2026, 10), datetime(2026, 11, 2, tzinfo=UTC), lambda _: None)
        redraw(database)
        draw(database)
        with serve(database) as running:
            keep_an_answer(running, key_for(running, "dispatcher", "*"))
            yield running


def refusing(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration for whoever may be told, of anything, that their role may not."""
    changed = copy.deepcopy(config)
    for each in (changed, *changed["operations"]):
        for check in each["checks"].values():
            check["expected-statuses"] = sorted({*check["expected-statuses"], "403"})
    return changed


def keep_an_answer(client: TestClient, dispatcher: dict[str, str]) -> None:
    """An answer that there is to be explained."""
    answer = client.get("/v1/coverage", params={"lon": 117.195, "lat": 39.118, "crs": "wgs84"}, headers=dispatcher)
    client.app.state.service.trail.work()  # type: ignore[attr-defined]
    KNOWN["answer_id"] = [answer.json()["id"]]


@cache
def described(app: Any, *, any_role: bool = False) -> BaseSchema:
    """The service's description of itself, read once."""
    config = SchemathesisConfig.from_dict(refusing(CONFIG) if any_role else CONFIG)
    return schemathesis.openapi.from_asgi("/openapi.json", app, config=config)


def attack(
    client: TestClient, method: str, path: str, headers: Headers | Sequence[Headers], examples: int
) -> set[int]:
    """Well-formed and spoilt requests to one route, each answer held against the description; the statuses."""
    statuses: set[int] = set()
    operation = described(client.app, any_role=not isinstance(headers, dict))[path][method.upper()]
    for mode in MODES:
        if mode == GenerationMode.POSITIVE or operation.body or list(operation.iter_parameters()):
            statuses |= attack_with(operation, mode, headers, examples)
    return statuses


def attack_until_answered(client: TestClient, method: str, path: str, headers: Headers) -> set[int]:
    """Few requests, and more of them where none was good enough to be answered."""
    statuses = attack(client, method, path, headers, examples=6)
    if min(statuses) >= 300:
        statuses |= attack(client, method, path, headers, examples=80)
    return statuses


def attack_with(
    operation: APIOperation, mode: GenerationMode, headers: Headers | Sequence[Headers], examples: int
) -> set[int]:
    """The statuses that requests of one kind got; of several headers each request has one."""
    identities = [headers] if isinstance(headers, dict) else list(headers)
    statuses: set[int] = set()

    # A fixed order, so that a run that passes passes again.
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=strategies.data())
    def answers_as_described(case: Case, data: strategies.DataObject) -> None:
        if mode == GenerationMode.POSITIVE:
            for part in (case.path_parameters, case.query, case.body):
                season(part, operation.path, data)
            if isinstance(case.body, dict) and data.draw(strategies.booleans()):
                kept = data.draw(
                    strategies.lists(strategies.sampled_from(sorted(case.body) or ["none"]), max_size=1)
                )
                random = {name: case.body[name] for name in kept if name in case.body}
                case.body = {**BODIES[operation.path], **random}
        identity = data.draw(strategies.sampled_from(identities))
        statuses.add(case.call_and_validate(headers=identity, checks=CHECKS).status_code)

    answers_as_described()
    return statuses


def season(part: object, path: str, data: strategies.DataObject) -> None:
    """Put values that exist in place of most of the random ones."""
    known = {
        **KNOWN,
        **KNOWN_OF.get(path, {}),
        "code": KNOWN.get(re.sub(r"/(roster|needs|poster\.\{suffix\})$", "", path), []),
    }
    if "/poster" in path or "/dossier" in path:
        known |= {"suffix": ["html"], "revision": [2]}
    if path.startswith("/v1/releases"):
        known |= {"since": ["2026-10"], "period": ["2026-10"], "by": ["cell", "hex", "street"]}
    if path.startswith("/v1/revisions"):
        known |= {"to": [1, 2]}
    if path.startswith("/v1/drafts"):
        drafts = [FIRST_DRAFT - 1 + number for number in DRAFTS.get(path, [1])]
        known |= {"draft": drafts, "with": [FIRST_DRAFT + 1], "comment": [1], "state": ["open"]}
        known |= {"area": DIVIDED} if path.endswith("/proposals") else {}
    if path.startswith("/ogc/"):
        known["crs"] = KNOWN["filter-crs"]
    if isinstance(part, dict):
        if path.endswith("/items/{fid}") and "fid" in part and data.draw(strategies.integers(0, 4)):
            collection, fid = data.draw(strategies.sampled_from(FEATURES))
            part.update(collection_id=collection, fid=fid)
            return
        if path in EITHER and "points" not in part and data.draw(strategies.integers(0, 4)):
            kept, dropped = data.draw(strategies.permutations(EITHER[path]))
            for name in dropped:
                part.pop(name, None)
            for name in {"lon", "lat", "crs", "address"} & kept - part.keys():
                part[name] = ""  # a known value follows
        for name in sorted(name for name in part.keys() & known.keys() if known[name]):
            if data.draw(strategies.integers(0, 4)) and part[name] is not None:
                part[name] = data.draw(strategies.sampled_from(known[name]))


@pytest.mark.soak
@every_route
def test_strangers_are_answered_as_described_at_length(attacked: TestClient, method: str, path: str) -> None:
    assert max(attack(attacked, method, path, {}, examples=300)) < 500


@every_route
def test_strangers_are_answered_as_described(attacked: TestClient, method: str, path: str) -> None:
    if path in TILESETS and not are_served(attacked.app):
        assert attack(attacked, method, path, {}, examples=6) <= {400, 401, 404}
    elif (method == "get" and path not in STAFF_ONLY) or path == "/v1/coverage":  # which reads, from a body
        statuses = attack_until_answered(attacked, method, path, {})
        assert statuses & {200, 204}, "no request was good enough"  # a tile of counts may have none
    else:
        statuses = attack(attacked, method, path, {}, examples=6)
        assert 401 in statuses
        assert min(statuses) >= 400, "a stranger wrote something"
