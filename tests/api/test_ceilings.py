"""Every ceiling of the README's table: the largest that is allowed is, and one more is refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.deps import LARGEST_ACCURACY_M
from api.guard import BODY_SECONDS, LONGEST_ADDRESS_BYTES, MOST_HEADER_BYTES, MOST_HELD_BYTES, MOST_PARAMETERS
from api.listing import MOST_LISTED
from api.registry import LARGEST_PAGE
from api.routes.placing import LARGEST_BODY_BYTES, MOST_POINTS
from api.schemas.subjects import MOST_ROWS
from gridmap.addresses.search import LONGEST_ADDRESS
from gridmap.cql import LONGEST
from gridmap.heatmap.answer import MOST_ROWS as MOST_HEATMAP_ROWS
from gridmap.heatmap.picture import LARGEST_PIXELS
from gridmap.redraw.reading import MOST_VERTICES
from gridmap.store.database import STATEMENT_TIMEOUT_S

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("## Limits")[2].partition("\n## ")[0]

LOOK_UP = "/v1/coverage?lon=117.195&lat=39.118&crs=wgs84"
# A request, and the largest value that it may have.
CEILINGS = {
    "a page of the registry": ("/v1/areas?level=district&limit={}", LARGEST_PAGE),
    "the accuracy of a point": (f"{LOOK_UP}&accuracy_m={{}}", int(LARGEST_ACCURACY_M)),
    "the width of a picture": ("/v1/heatmap?of=incidents&by=street&width={}", LARGEST_PIXELS),
    "a resolution of hexes": ("/v1/heatmap?of=incidents&by=hex&resolution={}", 11),
}


@pytest.mark.parametrize(("path", "most"), CEILINGS.values(), ids=list(CEILINGS))
def test_one_more_is_refused_by_name(client: TestClient, path: str, most: int) -> None:
    name = re.findall(r"(\w+)=\{\}", path)[0]
    assert client.get(path.format(most)).status_code in (200, 401), "as large is allowed, if perhaps to others"
    refused = client.get(path.format(most + 1))
    assert refused.status_code == 422
    assert name in refused.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/v1/coverage?address={'路' * (LONGEST_ADDRESS + 1)}", 422),
        (f"/ogc/collections/cells/items?filter={'x' * (LONGEST + 1)}", 400),
        ("/v1/cells?bbox=117,39,181,40", 422),
        ("/v1/cells?bbox=118,39,117,40", 422),
        ("/ogc/collections/cells/items?bbox=nan,39,118,40", 400),
        ("/v1/heatmap?of=incidents&" + "&".join(f"category=c{number}" for number in range(101)), 422),
        ("/v1/heatmap?of=incidents&from=1899-01-01&to=2026-01-01", 422),
        ("/v1/cells/120101001001001/roster?at=3000-01-01", 422),
        (f"/v1/cells/{'x' * 65}", 422),
    ],
)
def test_what_is_too_long_or_lies_outside_is_refused(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_the_table_says_what_the_code_does() -> None:
    for number in (
        LONGEST_ADDRESS_BYTES // 1024,
        MOST_HEADER_BYTES // 1024,
        MOST_PARAMETERS,
        BODY_SECONDS,
        MOST_HELD_BYTES // 2**20,
        LARGEST_BODY_BYTES // 2**20,
        MOST_POINTS,
        MOST_ROWS,
        LARGEST_PAGE,
        MOST_LISTED,
        int(LARGEST_ACCURACY_M),
        LONGEST_ADDRESS,
        LONGEST,
        MOST_HEATMAP_ROWS,
        LARGEST_PIXELS,
        MOST_VERTICES,
        STATEMENT_TIMEOUT_S,
    ):
        assert re.search(rf"(?<![\d,]){number:,}(?![\d,])", TABLE), f"{number:,} is not in the README's table"
