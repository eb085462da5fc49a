"""Drafts as answers: pure shaping of what the actions return."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import shapely

from api.schemas.drafts import (
    ApprovalOut,
    AreaDrawn,
    CertificateOut,
    CheckOut,
    CommentOut,
    DraftChangeOut,
    DraftListed,
    DraftOut,
    EditedOut,
    EditOut,
    OffenderOut,
    WaiverOut,
)
from api.schemas.registry import Feature, FeatureCollection
from gridmap.actions.certifying import Certified
from gridmap.actions.draft_edits import Edited
from gridmap.crs import Floats, from_wgs84
from gridmap.model import Area, City
from gridmap.redraw.certificate import CHECKS, Result
from gridmap.redraw.change import DrawnCell
from gridmap.redraw.draft import Approval, Comment, Draft, RecordedEdit, Waiver
from gridmap.redraw.plan import Plan
from gridmap.redraw.rebase import changed_codes

_WAIVABLE = {check.key: check.waivable for check in CHECKS}
Told = Callable[[str, DrawnCell], str]


def listed(draft: Draft, city: City) -> DraftListed:
    """A draft in a list, in the city's time."""
    return DraftListed.model_validate(_head(draft, city))


def whole(
    draft: Draft,
    city: City,
    edits: Iterable[RecordedEdit],
    comments: Iterable[Comment],
    approvals: Iterable[Approval],
    missing: Iterable[tuple[str, str]],
    waivers: Iterable[Waiver],
) -> DraftOut:
    """A draft with all that belongs to it."""
    return DraftOut.model_validate(
        {
            **_head(draft, city),
            "edits": [
                EditOut(seq=one.seq, edit=one.meant, actor=one.actor, made_at=one.made_at, undone=one.undone)
                for one in edits
            ],
            "comments": [
                CommentOut(
                    id=one.id,
                    text=one.text,
                    point=None if one.point is None else list(one.point),
                    cell=one.cell,
                    actor=one.actor,
                    made_at=one.made_at,
                    resolved_by=one.resolved_by,
                )
                for one in comments
            ],
            "approvals": [
                ApprovalOut(
                    level=one.level,
                    area=one.area,
                    actor=one.actor,
                    made_at=one.made_at,
                    counts=one.version == draft.version,
                )
                for one in approvals
            ],
            "missing_approvals": [f"{level} {code}" for level, code in missing],
            "waivers": [waiver(one, draft.version) for one in waivers],
        }
    )


def waiver(one: Waiver, version: int) -> WaiverOut:
    """A waiver, and whether it counts for a version."""
    return WaiverOut(
        check=one.what,
        name=one.signed,
        reason=one.reason,
        actor=one.actor,
        made_at=one.made_at,
        counts=one.version == version,
    )


def edited(result: Edited, crs: str, *, preview: bool = False) -> EditedOut:
    """What an edit did, its cells in a crs."""
    step, plan = result.step, result.plan
    shown = {**step.drawn, **step.touched}

    def told(code: str, _: DrawnCell) -> str:
        if code in step.touched:
            return "touched"
        return "new" if result.before.find(code) is None else "changed"

    return EditedOut(
        draft=result.draft.id,
        base=result.draft.base,
        version=result.draft.version,
        preview=preview,
        ended=list(step.ended),
        minted=list(step.minted),
        touched=sorted(step.touched),
        areas_ended=list(step.areas_ended),
        areas_drawn=_areas(step.areas_drawn.values()),
        notes=list(step.notes),
        cells=cells(plan, shown, crs, told),
    )


def change(draft: Draft, plan: Plan, crs: str) -> DraftChangeOut:
    """All that a draft changes of its base."""
    made = plan.change()
    before, after = both(plan, crs)
    return DraftChangeOut(
        draft=draft.id,
        base=draft.base,
        version=draft.version,
        ended=sorted(made.ended),
        areas_ended=sorted(made.areas_ended),
        areas_drawn=_areas(made.areas_drawn.values()),
        before=before,
        after=after,
    )


def both(plan: Plan, crs: str) -> tuple[FeatureCollection, FeatureCollection]:
    """The cells that a plan ends or changes, and those that it draws; not those that only got vertices."""
    base, made, touched = plan.base, plan.change(), set(plan.touched())
    gone = sorted(changed_codes(plan) & base.grid.by_code.keys())
    old = {code: base.drawn(base.grid.by_code[code]) for code in gone}
    new = {code: cell for code, cell in made.drawn.items() if code not in touched}
    return (
        cells(plan, old, crs, lambda code, _: "ended" if code in made.ended else "changed"),
        cells(plan, new, crs, lambda code, _: "changed" if code in base.grid.by_code else "new"),
    )


def cells(plan: Plan, drawn: Mapping[str, DrawnCell], crs: str, told: Told) -> FeatureCollection:
    """Cells as features in a crs; ``told`` says what becomes of each."""
    city = plan.base.city
    shapes = np.empty(len(drawn), object)
    shapes[:] = [cell.shape for cell in drawn.values()]
    if crs != "wgs84":
        shapes = shapely.transform(shapes, _converting(crs))
    texts = shapely.to_geojson(shapes).tolist() if len(shapes) else []
    return FeatureCollection(
        revision=plan.base.grid.revision.number,
        crs=crs,
        attribution=city.attribution,
        notice=dict(city.notice),
        features=[
            Feature(
                id=code,
                geometry=json.loads(text),
                properties={
                    "code": code,
                    "name": cell.name,
                    "kind": cell.kind,
                    "services": list(cell.services),
                    "community": cell.community,
                    "change": told(code, cell),
                },
            )
            for (code, cell), text in zip(drawn.items(), texts, strict=True)
        ],
        next=None,
    )


def certificate(certified: Certified, missing: Iterable[tuple[str, str]]) -> CertificateOut:
    """A certificate, check by check."""
    ready = certified.ready
    return CertificateOut(
        draft=ready.draft.id,
        version=ready.draft.version,
        base=ready.draft.base,
        over=ready.plan.base.grid.revision.number,
        passed=certified.certificate.passed,
        checks=[_check(result, ready.draft.version) for result in certified.certificate.results],
        missing_approvals=[f"{level} {code}" for level, code in missing],
        replayed_over=list(ready.replayed_over),
        recoded=dict(ready.recoded),
    )


def _check(result: Result, version: int) -> CheckOut:
    return CheckOut(
        check=result.key,
        waivable=_WAIVABLE[result.key],
        result=result.result,  # type: ignore[arg-type]
        figures=dict(result.finding.figures),
        offenders=[
            OffenderOut(code=one.code, what=one.what, point=None if one.point is None else list(one.point))
            for one in result.finding.offenders
        ],
        waiver=None if result.waiver is None else waiver(result.waiver, version),
    )


def _head(draft: Draft, city: City) -> dict[str, object]:
    at = draft.publish_at
    return {
        "draft": draft.id,
        "name": draft.name,
        "reason": draft.reason,
        "base": draft.base,
        "owner": draft.owner,
        "shared_with": list(draft.shared_with),
        "state": draft.state,
        "version": draft.version,
        "made_at": draft.made_at.astimezone(city.zone),
        "changed_at": draft.changed_at.astimezone(city.zone),
        "publish_at": None if at is None else at.astimezone(city.zone),
        "revision": draft.revision,
        "problem": draft.problem,
    }


def _areas(areas: Iterable[Area]) -> list[AreaDrawn]:
    return [AreaDrawn(code=one.code, level=one.level, name=one.name, parent=one.parent) for one in areas]


def _converting(crs: str) -> Callable[[Floats], Floats]:
    def convert(coordinates: Floats) -> Floats:
        return np.column_stack(from_wgs84(crs, coordinates[:, 0], coordinates[:, 1]))

    return convert
