"""What those see who are not staff of the territory: releases, never live counts. Imports its neighbours."""

from __future__ import annotations

from gridmap.errors import NotAllowed
from gridmap.heatmap.answer import Heatmap
from gridmap.heatmap.columns import Facts
from gridmap.heatmap.question import Question


def released(facts: Facts, question: Question) -> Heatmap:
    """The rows of a release that answer the question; NotAllowed when no release does."""
    where = facts.places.city.code if question.area is None else question.area
    raise NotAllowed(
        f"counts of {question.of} in {where} leave its staff only as a release; none is published yet. "
        "Staff name a place of their territory with area="
    )
