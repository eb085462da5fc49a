"""Text that is meant for something else than the route it is sent to: SQL, CQL2, paths, addresses, headers.

Every text parameter of every route that reads gets a corpus; answers tell nothing of what is inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.coverage.grid import Grid
from gridmap.heatmap import forms
from gridmap.store.database import Database
from tests.api.test_schemathesis import ENDLESS, INSIDE, KNOWN

SQL = (
    "'",
    "' OR '1'='1",
    "1; DROP TABLE cell--",
    "') UNION SELECT sha256 FROM api_key--",
    "1); SELECT pg_sleep(30)--",
    "%s %(x)s %% {0} {x} :x $1",
    "\\'; COPY (SELECT 1) TO PROGRAM 'id'--",
    "1/**/OR/**/1=1",
)
PATHS = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "....//....//etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "..\\..\\windows\\win.ini",
    "cells-1-wgs84.gpkg/../../../etc/passwd",
    "\x00/etc/passwd",
)
ADDRESSES = (
    "http://127.0.0.1:1/",
    "http://169.254.169.254/latest/meta-data/",
    "gopher://127.0.0.1:5432/_x",
    "//attacker.example/x",
    "/vsicurl/http://127.0.0.1:1/x",
)
HEADERS = (
    "x\r\nSet-Cookie: a=b",
    "x\nLocation: //attacker.example",
    "x%0d%0aSet-Cookie:%20a=b",
    "\u560d\u560aSet-Cookie: a=b",
)
PAGES = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}${7*7}")
CORPUS = (*SQL, *PATHS, *ADDRESSES, *HEADERS, *PAGES)
CQL = (
    "code = 'x' OR 1=1; DROP TABLE cell--",
    "code LIKE '%') UNION SELECT 1--",
    "pg_sleep(30) = 1",
    "code = (SELECT sha256 FROM api_key)",
    '"code"" OR 1=1 --" = \'x\'',
    "sha256 = 'x'",
    "api_key.id = 'x'",
    "code IN (SELECT 1)",
    "S_INTERSECTS(geometry, POINT(0 0)) OR lo_import('/etc/passwd') = 1",
    "code = 'x' --",
    "code = E'\\x27 OR 1=1'",
    "CASEI(code) = CASEI('x''; DROP TABLE cell; --')",
)


def _text_parameters(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """(path, parameter, all parameters of the route) for each text parameter of each route that reads."""
    for path, operations in document["paths"].items():
        if path in ENDLESS or "get" not in operations:
            continue
        parameters = operations["get"].get("parameters", [])
        for parameter in parameters:
            kinds = str(parameter["schema"])
            if "'string'" in kinds and parameter["in"] in ("path", "query"):
                yield path, parameter, parameters


def _known(name: str, path: str) -> str:
    values = KNOWN.get(path) if name == "code" else KNOWN.get(name)
    return str(values[0]) if values else {"suffix": "html", "token": "x", "offenders": "streets"}.get(name, "1")


def _address(path: str, attacked: dict[str, Any], parameters: list[dict[str, Any]], value: str) -> str:
    query = []
    for each in parameters:
        sent = value if each is attacked else _known(each["name"], path)
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", quote(sent, safe=""))
        elif each["in"] == "query" and (each.get("required") or each is attacked):
            query.append(f"{quote(each['name'])}={quote(sent, safe='')}")
    return f"{path}?{'&'.join(query)}"


def _attack(client: TestClient, every: int, offset: int) -> int:
    """Each text parameter with every so manieth text of the corpus; how many requests were sent."""
    sent = 0
    document = client.get("/openapi.json").json()
    for number, (path, parameter, parameters) in enumerate(_text_parameters(document)):
        for value in CORPUS[(number + offset) % every :: every]:
            answer = client.get(_address(path, parameter, parameters, value), follow_redirects=False)
            _check(answer, value)
            sent += 1
    return sent


def _check(answer: Any, value: str) -> None:
    assert answer.status_code < 500 or answer.status_code == 503, (answer.url, answer.text[:300])
    assert "set-cookie" not in answer.headers
    assert "attacker.example" not in answer.headers.get("location", "")
    assert "root:" not in answer.text
    if answer.status_code >= 400 and not INSIDE.search(value):
        # an error names the value that was wrong, and nothing else
        said = INSIDE.search(answer.text.replace(value, "").replace(repr(value)[1:-1], ""))
        assert said is None, (str(answer.url), said)
    if "html" in answer.headers.get("content-type", ""):
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


def test_no_text_reaches_what_it_is_not_meant_for(client: TestClient) -> None:
    assert _attack(client, every=10, offset=0) > 200


@pytest.mark.soak
def test_no_text_of_the_corpus_reaches_what_it_is_not_meant_for(client: TestClient) -> None:
    assert _attack(client, every=1, offset=0) > 2000


@pytest.mark.parametrize("condition", CQL)
def test_filters_stay_filters(client: TestClient, condition: str) -> None:
    answer = client.get("/ogc/collections/cells/items", params={"filter": condition, "f": "json", "limit": 3})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        assert answer.json()["numberReturned"] == 0, "text that is no code matches none"
    else:
        assert INSIDE.search(answer.text.replace(condition, "").replace(repr(condition)[1:-1], "")) is None


def test_nothing_was_dropped(client: TestClient, grid: Grid, heping_served: Database) -> None:
    assert client.get("/v1/revisions/current").json()["cells"] == len(grid.cells)
    with heping_served.begin(OPERATOR) as connection:
        for table in ("cell", "api_key"):
            connection.execute(text(f"SELECT count(*) FROM {table}"))
        assert connection.execute(text("SELECT count(DISTINCT code) FROM cell")).scalar_one() == len(grid.cells)


@settings(max_examples=30)
@given(
    field=st.sampled_from(["code", "name", "kind"]),
    value=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    operator=st.sampled_from(["=", "<>", "LIKE", "<"]),
)
def test_a_text_of_a_filter_is_compared_and_not_run(
    client: TestClient, field: str, value: str, operator: str
) -> None:
    condition = f"{field} {operator} '{value.replace(chr(39), chr(39) * 2)}'"
    answer = client.get("/ogc/collections/cells/items", params={"filter": condition, "f": "json", "limit": 1})
    assert answer.status_code in (200, 400), (condition, answer.text)


CLIMBS = (
    "/web/../../../etc/passwd",
    "/web/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/web/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/web//etc/passwd",
    "/web/..\\..\\..\\etc\\passwd",
    "/web/../package.json",
    "/web/%2e%2e/package.json",
    "/v1/download/..%2f..%2fetc%2fpasswd.gpkg",
    "/v1/download/%2e%2e.gpkg",
    "/v1/releases/2026-10/..%2f..%2fx.csv",
    "/v1/cells/..%2f..%2fetc/poster.html",
    "/styles/..%2f..%2fetc%2fpasswd.json",
    "/tiles/1/..%2f..%2fcells/14/13525/6254.mvt",
)


@pytest.mark.parametrize("path", CLIMBS)
def test_no_path_leads_out_of_what_is_served(client: TestClient, path: str) -> None:
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code in (400, 404, 422), answer.text[:200]
    assert "devDependencies" not in answer.text
    assert "root:" not in answer.text


# Parameters and fields that might hold an address; each was looked at and is only compared or printed.
_COMPARED = {"crs", "bbox-crs", "filter-crs"}


def test_nothing_takes_an_address_that_is_asked(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    names = {parameter["name"] for _, parameter, _ in _text_parameters(document)}
    for schema in document["components"]["schemas"].values():
        names |= schema.get("properties", {}).keys() if "In" in schema.get("title", "") else set()
    suspicious = {
        name for name in names if re.search(r"ur[li]|href|link|host|callback|webhook|proxy|address|source", name)
    }
    # an address is that of a house; a source is a name of a register
    assert suspicious <= {"address", "source"}
    assert "'format': 'uri'" not in str(document)


def test_an_address_given_for_a_crs_is_compared_and_not_fetched(client: TestClient) -> None:
    for name in sorted(_COMPARED):
        for address in ADDRESSES:
            path = "/ogc/collections/cells/items"
            given_with = {"bbox": "117,39,118,40"} if name == "bbox-crs" else {}
            answer = client.get(path, params={name: address, "f": "json", **given_with})
            assert answer.status_code == 400, (name, address, answer.text[:200])


# What asks a service by HTTP: benches, still pages, the wait for nginx; and the settings' provider.
ASKING = {"gridmap/cli/still.py", "gridmap/provider.py", "tiles/bench.py", "tiles/nginx.py"}


def test_no_code_of_the_server_asks_another_server_but_the_provider() -> None:
    root = Path(__file__).parents[2]
    names = r"httpx2?|requests|aiohttp|urllib\.request|http\.client|ftplib"
    clients = re.compile(rf"^\s*(?:import|from) (?:{names})\b", re.MULTILINE)
    found = {
        str(path.relative_to(root))
        for package in ("gridmap", "api", "tiles")
        for path in (root / package).rglob("*.py")
        if "node_modules" not in path.parts and clients.search(path.read_text())
    }
    assert found == ASKING


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_file_names_are_plain_whatever_a_category_or_a_city_is_called(name: str) -> None:
    shown = forms._UNSAFE_IN_NAMES.sub("_", name)
    assert re.fullmatch(r"[0-9A-Za-z._-]*", shown)


@pytest.mark.parametrize("category", HEADERS)
def test_file_names_in_headers_hold_no_line_breaks(client: TestClient, key_for: Any, category: str) -> None:
    staff = key_for(client, "viewer", "120000")
    answer = client.get("/v1/heatmap", params={"of": "incidents", "category": category, "f": "csv"}, headers=staff)
    assert answer.status_code in (200, 404, 422), answer.text
    said = answer.headers.get("content-disposition", "")
    assert re.fullmatch(r'(attachment; filename="[0-9A-Za-z._-]+")?', said)
    assert "set-cookie" not in answer.headers
