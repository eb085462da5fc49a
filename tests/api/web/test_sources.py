"""The pages' sources against what they stand for: both languages alike, and types that are those of the API."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gridmap.redraw.principles.measured import PRINCIPLES

WEB = Path(__file__).parents[3] / "api" / "web"
WORD = re.compile(r'^  (\w+): "((?:[^"\\]|\\.)*)",$', re.MULTILINE)

# The pages' names of the shapes in the API's description.
SHAPES = {
    "City": "CityOut", "Category": "CategoryOut", "Categories": "CategoriesOut", "Area": "AreaOut",
    "Cell": "CellOut", "Near": "CandidateOut", "Point": "PointOut", "Turn": "TurnOut", "Rung": "RungOut",
    "Department": "DepartmentOut", "OverlayPost": "OverlayPostOut", "Overlay": "OverlayOut",
    "Upcoming": "UpcomingOut", "Coverage": "CoverageOut", "Candidate": "AddressCandidateOut",
    "Group": "DeskGroupOut", "Ask": "AskOut", "Addressed": "AddressOut", "RegistryCell": "CellDetail",
    "CurrentRevision": "RevisionOut", "SavedRow": "RowOut", "Saved": "RowsOut", "Me": "MeOut",
    "AreaRow": "RegistryArea", "Areas": "AreasOut", "AreaDetail": "AreaDetail", "CellRow": "RegistryCell",
    "Cells": "CellsOut", "CellDetail": "CellDetail", "Heatmap": "HeatmapOut", "Profile": "ProfileOut",
    "Staffing": "StaffingOut", "Roster": "RosterOut", "Releases": "ReleasesOut", "Released": "ReleasedOut",
    "Principles": "PrinciplesOut",
}  # fmt: skip


# Words that are put together from what the service says.
MADE = (
    "kind_", "post_", "crs_", "address_", "level_", "parts_", "of_", "day_", "principle_", "figure_", "in_grid_",
    "layer_", "state_", "role_", "problem_", "do_", "class_", "check_", "checks_", "result_", "tab_", "tool_",
    "op_", "proposed_", "kinds_", "area_", "what_", "cells_", "about_", "change_", "beside_", "legend_",
    "keys_", "scope_", "done_", "exception_", "entry_", "unmeasured_",
)  # fmt: skip
# The tables of words: those of all pages, and of one page each.
TABLES = ("words", "dashboard/words", "planner/words", "admin/words")


def words(name: str, table: str = "words") -> dict[str, str]:
    return dict(WORD.findall((WEB / "src" / f"{table}_{name}.ts").read_text(encoding="utf-8")))


@pytest.mark.parametrize("table", TABLES)
def test_both_languages_have_the_same_words_with_the_same_places(table: str) -> None:
    zh, en = words("zh", table), words("en", table)
    assert len(zh) > 80
    assert list(zh) == list(en)
    for word, said in zh.items():
        assert set(re.findall(r"{\d}", said)) == set(re.findall(r"{\d}", en[word])), word


def test_every_principle_has_a_word_for_why_it_was_not_measured() -> None:
    prefix = "unmeasured_"
    told = {word.removeprefix(prefix) for word in words("zh") if word.startswith(prefix)}
    assert told == {key for key, *_ in PRINCIPLES}


@pytest.mark.parametrize("table", TABLES)
def test_no_word_is_unused(table: str) -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (WEB / "src").rglob("*.ts") if "words_" not in path.name
    )
    unused = [word for word in words("zh", table) if not word.startswith(MADE) and f'"{word}"' not in sources]
    assert unused == []


def type_of(schema: dict[str, Any]) -> str:
    """A JSON schema as TypeScript."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2].replace("-", "_")
    if "anyOf" in schema:
        return "(" + " | ".join(type_of(each) for each in schema["anyOf"]) + ")"
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(each) for each in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "unknown")
    if kind == "array":
        return f"({type_of(schema.get('items', {}))})[]"
    if kind == "object":
        return object_type(schema)
    return "number" if kind == "integer" else str(kind)


def object_type(schema: dict[str, Any]) -> str:
    """An object's fields, or what its values are."""
    if "properties" not in schema:
        values = schema.get("additionalProperties", {})
        return f"Record<string, {type_of(values if isinstance(values, dict) else {})}>"
    required = schema.get("required", [])
    fields = (
        f"{json.dumps(name)}{'' if name in required else '?'}: {type_of(each)};"
        for name, each in schema["properties"].items()
    )
    return "{ " + " ".join(fields) + " }"


def errors_of(
    node: str, document: dict[str, Any], folder: Path, shapes: dict[str, str], module: str = "api"
) -> str:
    """What TypeScript says of the claim that what the service sends is what the pages take."""
    schemas = document["components"]["schemas"]
    lines = [f"type {name.replace('-', '_')} = {type_of(each)};" for name, each in schemas.items()]
    lines += [
        f"export const of{ours}: (sent: {sent}) => Pages.{ours} = (sent) => sent;" for ours, sent in shapes.items()
    ]
    source = folder / "sent.ts"
    pages = (WEB / "src" / module).as_posix()
    source.write_text("\n".join([f"import type * as Pages from '{pages}';", *lines]), encoding="utf-8")
    options = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext",
               "--moduleResolution", "bundler", "--lib", "es2023,dom,dom.iterable", "--types", "geojson",
               "--typeRoots", str(WEB / "node_modules" / "@types"), "--ignoreConfig")  # fmt: skip
    command = [node, str(WEB / "node_modules" / "typescript" / "bin" / "tsc"), *options, str(source)]
    ended = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def test_the_pages_types_are_those_of_the_api(node: str, document: dict[str, Any], tmp_path: Path) -> None:
    there = {ours: sent for ours, sent in SHAPES.items() if sent in document["components"]["schemas"]}
    assert set(SHAPES) <= set(there)
    assert errors_of(node, document, tmp_path, there) == ""


def test_a_field_that_went_would_be_noticed(node: str, document: dict[str, Any], tmp_path: Path) -> None:
    spoilt = json.loads(json.dumps(document))
    del spoilt["components"]["schemas"]["RungOut"]["properties"]["phone"]
    assert "phone" in errors_of(node, spoilt, tmp_path, {"Coverage": "CoverageOut"})
