"""Why a desk was called: kept answers, for who supervises the place."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.deps import ActorDep, ServiceDep
from api.errors import problem_responses
from api.schemas.audit import ExplainedOut
from gridmap.explained import explain

router = APIRouter(prefix="/v1", tags=["coverage"])


@router.get(
    "/coverage/{answer_id}", response_model=ExplainedOut, responses=problem_responses(401, 403, 404, 422, 503)
)
def get_explanation(
    service: ServiceDep,
    actor: ActorDep,
    response: Response,
    answer_id: Annotated[str, Path(pattern=r"^[0-9a-fA-F-]{1,64}$", description="the `id` of an answer")],
) -> ExplainedOut:
    """What was answered then, what was recorded then, and what is known now of the same moment.

    Answers to staff are kept for the days that the city says; those to the public are not.
    """
    found = explain(service.database, actor, answer_id)
    response.headers["Cache-Control"] = "private, no-store"
    kept = found.kept
    asked = {"id": kept.id, "at": kept.at, "by": kept.by, "question": kept.question}
    return ExplainedOut.model_validate({**dataclasses.asdict(found), **asked, "degraded": kept.answer["degraded"]})
