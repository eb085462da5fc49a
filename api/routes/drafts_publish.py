"""Drafts on their way to a revision: the certificate, and publishing now or at a time."""

from __future__ import annotations

from fastapi import APIRouter

from api import drafts as shape
from api.deps import ActorDep, ServiceDep, city_time
from api.errors import problem_responses
from api.routes.drafts import DraftPath
from api.schemas.drafts import CertificateOut, DraftListed, PublishedDraftOut, PublishIn
from gridmap.access import Action
from gridmap.actions.certifying import certify_draft, keep_certificate, make_ready
from gridmap.actions.draft_publish import publish_draft, recall_draft, schedule_draft
from gridmap.actions.draft_review import areas_of, missing_approvals
from gridmap.actions.drafts import read_draft
from gridmap.store.reviews import read_approvals

router = APIRouter(prefix="/v1/drafts", tags=["drafts"], responses=problem_responses(401, 403, 404, 409, 422, 503))


@router.get("/{draft}/certificate", response_model=CertificateOut)
def get_certificate(service: ServiceDep, actor: ActorDep, draft: DraftPath) -> CertificateOut:
    """Every check of a draft as it would be published now, on the current revision.

    When what was published since its base changed the same cells, the answer is 409 with both changes.
    """
    with service.database.begin(actor, Action.READ_DRAFTS) as connection:
        found = read_draft(connection, actor, draft)
        certified = certify_draft(
            connection, service.bench, make_ready(connection, service.bench, found, service.grid)
        )
        keep_certificate(connection, certified)
        plan = service.bench.plan(connection, found, service.grid)
        missing = missing_approvals(plan.base.city, found, areas_of(plan), read_approvals(connection, draft))
    return shape.certificate(certified, missing if certified.ready.plan.base.city.approvals else [])


@router.post("/{draft}/publish", response_model=PublishedDraftOut, responses=problem_responses(400))
def post_publish(
    service: ServiceDep, actor: ActorDep, draft: DraftPath, body: PublishIn | None = None
) -> PublishedDraftOut:
    """Publish a draft as the next revision, now or ``at`` a time; then look-ups tell it as ``upcoming``."""
    wanted = body or PublishIn()
    if wanted.at is not None:
        city = service.state.ready.city
        at = city_time("at", wanted.at, city)
        waiting = schedule_draft(service.database, actor, service.bench, draft, at, service.grid)
        service.current.refresh()
        return PublishedDraftOut(
            draft=waiting.id,
            revision=None,
            publish_at=at.astimezone(city.zone),
            replayed_over=[],
            recoded={},
            unstaffed=[],
        )
    done = publish_draft(service.database, actor, service.bench, draft, wanted.note, grid=service.grid)
    service.current.refresh()
    return PublishedDraftOut(
        draft=draft,
        revision=done.published.revision.number,
        publish_at=None,
        replayed_over=list(done.replayed_over),
        recoded=dict(done.recoded),
        unstaffed=list(done.published.unstaffed),
    )


@router.post("/{draft}/recall", response_model=DraftListed, responses=problem_responses(400))
def post_recall(service: ServiceDep, actor: ActorDep, draft: DraftPath) -> DraftListed:
    """Take a draft off its schedule."""
    recalled = recall_draft(service.database, actor, draft)
    service.current.refresh()
    return shape.listed(recalled, service.state.ready.city)
