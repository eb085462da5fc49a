"""The planner's sources against what they stand for: both languages alike, and types that are those of the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gridmap.model import DRAFT_STATES
from gridmap.redraw.certificate import CHECKS
from gridmap.redraw.edits import EDITS
from tests.api.web.test_sources import errors_of, words

SHAPES = {
    "Draft": "DraftListed", "Drafts": "DraftsOut", "RecordedEdit": "EditOut", "Comment": "CommentOut",
    "AreaWords": "AreaDrawn", "Approval": "ApprovalOut",
    "Waiver": "WaiverOut", "WholeDraft": "DraftOut", "Flow": "FlowOut",
    "Load": "WorkloadOut", "MovedPost": "MovedPostOut", "Offence": "Feature",
    "Finding": "FindingOut", "Impact": "ImpactOut", "Offender": "OffenderOut", "Check": "CheckOut",
    "Certificate": "CertificateOut", "Done": "PublishedDraftOut", "Figures": "FiguresOut", "Beside": "BesideOut",
    "Compared": "CompareOut", "Revision": "RevisionOut", "Revisions": "RevisionsOut",
    "Part": "PartOut", "Difference": "DifferenceOut",
}  # fmt: skip


def test_what_the_service_may_say_has_words() -> None:
    zh = words("zh", "planner/words")
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
    assert errors_of(node, document, tmp_path, shapes, "planner/api") == ""


def test_a_field_that_went_would_be_noticed(node: str, document: dict[str, Any], tmp_path: Path) -> None:
    spoilt = json.loads(json.dumps(document))
    del spoilt["components"]["schemas"]["CheckOut"]["properties"]["offenders"]
    assert "offenders" in errors_of(node, spoilt, tmp_path, {"Certificate": "CertificateOut"}, "planner/api")
