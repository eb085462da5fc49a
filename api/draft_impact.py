"""A draft's impact as an answer: pure shaping."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import shapely

from api.schemas.draft_impact import (
    BuildingsOut,
    DownstreamOut,
    FindingOut,
    FlowOut,
    ImpactOut,
    MovedPostOut,
    WorkloadOut,
)
from api.schemas.registry import Feature
from gridmap.redraw.draft import Draft
from gridmap.redraw.impact import Impact
from gridmap.redraw.principles.finding import Finding

_MOST_PLACES = 100


def impact(draft: Draft, found: Impact) -> ImpactOut:
    """All that a draft does."""
    down = found.downstream
    principles = found.principles
    return ImpactOut(
        draft=draft.id,
        version=draft.version,
        base=found.base,
        ended=list(found.ended),
        new=list(found.new),
        changed=list(found.changed),
        touched=list(found.touched),
        moved=dict(found.moved),
        flows={what: [FlowOut(**asdict(one)) for one in flows] for what, flows in found.flows.items()},
        hidden=found.hidden,
        formula=found.formula,
        workload=[WorkloadOut(**asdict(one)) for one in found.workload],
        posts=[MovedPostOut(**asdict(one)) for one in found.posts],
        buildings=BuildingsOut(**asdict(found.buildings)),
        downstream=DownstreamOut(
            overlays=list(down.overlays),
            keys=None if down.keys is None else list(down.keys),
            released_periods=list(down.released_periods),
        ),
        principles=[] if principles is None else findings(principles.before, principles.after),
    )


def findings(before: Sequence[Finding], after: Sequence[Finding], *, public: bool = False) -> list[FindingOut]:
    """The principles side by side; ``public`` leaves out what rests on counts of people."""
    rows = []
    for one, other in zip(before, after, strict=True):
        hidden = {*one.of_people, *other.of_people} if public else set()
        places = () if public and other.offenders_of_people else other.offenders[:_MOST_PLACES]
        rows.append(
            FindingOut(
                key=other.key,
                title=other.title,
                blocks=other.blocks,
                passes_before=one.passes,
                passes_after=other.passes,
                not_measured=other.not_measured,
                before={name: value for name, value in one.figures.items() if name not in hidden},
                after={name: value for name, value in other.figures.items() if name not in hidden},
                offenders=[
                    Feature(
                        id=number,
                        geometry=json.loads(str(shapely.to_geojson(place.shape))),
                        properties={"cell": place.cell, "what": place.what, "value": place.value},
                    )
                    for number, place in enumerate(places)
                ],
            )
        )
    return rows
