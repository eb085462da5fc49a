"""Heatmaps for those who are not staff of the territory: what releases show, in the heatmap's own form."""

from __future__ import annotations

from api.deps import Service
from api.schemas.heatmap import HeatmapOut, HeatmapRow
from gridmap.heatmap.question import Question
from gridmap.model import PUBLIC
from gridmap.released import question_of, read_released
from gridmap.releases.rows import BY_HEX
from gridmap.releases.suppression import HIDDEN
from gridmap.store.city import read_city


def released_heatmap(service: Service, question: Question) -> HeatmapOut:
    """The rows of the releases that answer a heatmap's question; hidden rows are counted only.

    NotAllowed, with what may be asked, when no release answers it; NotFound for an unknown category.
    """
    with service.database.begin(PUBLIC) as connection:
        city = read_city(connection)
        asked = question_of(connection, city, question)
        found = read_released(connection, city, asked, service.trees)
    name, periods = "hex" if question.by == BY_HEX else "code", [each.period for each in found.releases]
    rows = zip(found.rows.codes.tolist(), found.rows.counts.tolist(), strict=True)
    first, last = found.releases[0], found.releases[-1]
    counted = [
        HeatmapRow.model_construct(_fields_set={name, "count"}, **{name: code, "count": count})
        for code, count in rows
        if count > 0 or (count == 0 and question.zeros)
    ]
    return HeatmapOut.model_construct(
        revision=last.revision,
        data_version=f"released {first.period} to {last.period}",
        degraded=None,
        of=question.of,
        by=question.by,
        resolution=found.resolution,
        measure=question.measure,
        class_=question.class_,
        category=list(question.categories),
        from_=first.begins.astimezone(city.zone),
        to=last.ends.astimezone(city.zone),
        hours=None,
        weekdays=None,
        bbox=None if question.box is None else list(question.box),
        area=None,
        compare=None,
        total=_shown(found.rows.total),
        outside=_shown(found.rows.outside),
        suppressed=found.rows.suppressed,
        released=periods,
        attribution=city.attribution,
        notice=dict(city.notice),
        rows=counted,
    )


def _shown(count: int) -> int | None:
    return None if count == HIDDEN else count
