"""The admin's sources against what they stand for: types that are those of the API, and the CSV file's rule."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gridmap.spreadsheets import harmless
from tests.api.web.test_sources import WEB, errors_of

SHAPES = {
    "Roles": "RolesOut", "Key": "KeyOut", "GivenKey": "KeyGiven", "Keys": "KeysOut", "Load": "LoadOut",
    "Loads": "LoadsOut", "RejectedRows": "RejectedRowsOut", "Post": "PostOut", "Posts": "PostsOut",
    "Shift": "KnownShift", "Shifts": "ShiftsOut",
    "Exception": "KnownException", "Exceptions": "ExceptionsOut", "RosterNow": "RosterOut",
    "AuditEntry": "AuditEntryOut", "Audit": "AuditOut",
}  # fmt: skip

TEXTS = ["=1+1", "+8613", "-3.5", "-", "@sum(A1)", "\tx", "＝1", "－2x", "1e3", "-1e3", "北京路", "", " =1"]


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def test_the_pages_types_are_those_of_the_api(node: str, document: dict[str, Any], tmp_path: Path) -> None:
    assert set(SHAPES.values()) <= set(document["components"]["schemas"])
    assert errors_of(node, document, tmp_path, SHAPES, "admin/api") == ""


def test_a_field_that_went_would_be_noticed(node: str, document: dict[str, Any], tmp_path: Path) -> None:
    spoilt = json.loads(json.dumps(document))
    del spoilt["components"]["schemas"]["KeyOut"]["properties"]["last_used_on"]
    assert "last_used_on" in errors_of(node, spoilt, tmp_path, {"Keys": "KeysOut"}, "admin/api")


def test_no_text_of_the_csv_file_is_a_formula(node: str) -> None:
    """The page and ``gridmap rejected`` guard the same texts."""
    script = (
        "import { readFileSync } from 'node:fs'; import { transformSync } from 'esbuild';"
        "const written = readFileSync('src/admin/csv.ts', 'utf8');"
        "const { code } = transformSync(written, { loader: 'ts', format: 'esm' });"
        "const source = await import('data:text/javascript;base64,' + Buffer.from(code).toString('base64'));"
        "console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(source.harmless)));"
    )
    command = [node, "--input-type=module", "-e", script]
    ended = subprocess.run(command, cwd=WEB, input=json.dumps(TEXTS), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [harmless(each) for each in TEXTS]
