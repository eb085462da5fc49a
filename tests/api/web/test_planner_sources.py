"""The planner's sources against what they stand for: both languages alike, and types that are those of the API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gridmap.model import DRAFT_STATES
from gridmap.redraw.certificate import CHECKS
from gridmap.redraw.edits import EDITS
from tests.api.web.test_sources import WEB, errors_of, words

SHAPES = {
    "Draft": "DraftListed", "Drafts": "DraftsOut", "RecordedEdit": "EditOut", "Comment": "CommentOut",
    "AreaWords": "AreaDrawn", "Approval": "ApprovalOut",
    "Waiver": "WaiverOut", "WholeDraft": "DraftOut", "Flow": "FlowOut",
    "Load": "WorkloadOut", "MovedPost": "MovedPostOut", "Offence": "Feature",
    "Finding": "FindingOut", "Impact": "ImpactOut", "Offender": "OffenderOut", "Check": "CheckOut",
    "Certificate": "CertificateOut", "Done": "PublishedDraftOut", "Figures": "FiguresOut", "Beside": "BesideOut",
    "Compared": "CompareOut", "Revision": "RevisionOut", "Revisions": "RevisionsOut",
    "Part": "PartOut", "Difference": "api__schemas__revisions__DifferenceOut",
}  # fmt: skip
# Words that are put together from what the service says.
MADE = (
    "state_", "role_", "problem_", "do_", "principle_", "class_", "figure_", "check_", "checks_", "result_",
    "tab_", "tool_", "op_", "proposed_", "kinds_", "area_", "what_", "cells_", "about_", "change_",
    "beside_", "legend_",
)  # fmt: skip


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    zh, en = words("zh", "planner_words"), words("en", "planner_words")
    assert len(zh) > 300
    assert list(zh) == list(en)
    for word, said in zh.items():
        assert set(re.findall(r"{\d}", said)) == set(re.findall(r"{\d}", en[word])), word


def test_no_word_is_unused() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (WEB / "src").glob("planner*.ts") if "words_" not in path.name
    )
    zh = words("zh", "planner_words")
    assert [word for word in zh if not word.startswith(MADE) and f'"{word}"' not in sources] == []


def test_what_the_service_may_say_has_words() -> None:
    zh = words("zh", "planner_words")
    made = [f"state_{each}" for each in DRAFT_STATES] + [f"op_{each}" for each in EDITS]
    made += [f"{prefix}_{each.key}" for prefix in ("check", "checks") for each in CHECKS]
    assert [word for word in made if word not in zh] == []


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def shapes_in(document: dict[str, Any]) -> dict[str, str]:
    """The names in the description; one that two modules have there stands with its module's."""
    there = set(document["components"]["schemas"])
    return {
        ours: sent if sent in there else sent.rpartition("__")[2] if sent.rpartition("__")[2] in there else sent
        for ours, sent in SHAPES.items()
    }


def test_the_pages_types_are_those_of_the_api(node: str, document: dict[str, Any], tmp_path: Path) -> None:
    shapes = shapes_in(document)
    assert set(shapes.values()) <= set(document["components"]["schemas"])
    assert errors_of(node, document, tmp_path, shapes, "planner_api") == ""


def test_a_field_that_went_would_be_noticed(node: str, document: dict[str, Any], tmp_path: Path) -> None:
    spoilt = json.loads(json.dumps(document))
    del spoilt["components"]["schemas"]["CheckOut"]["properties"]["offenders"]
    assert "offenders" in errors_of(node, spoilt, tmp_path, {"Certificate": "CertificateOut"}, "planner_api")
