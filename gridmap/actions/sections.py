"""What a description's sections of points hold: their fields, what they become, and the rules of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from gridmap.access import Action
from gridmap.ingest.description import Buildings, Elements, Incidents, Points
from gridmap.ingest.points import Field
from gridmap.model import ELEMENT_CLASSES, PERSON_CATEGORIES, Category
from gridmap.store.subjects import BUILDING, ELEMENT, INCIDENT, Subject

Categories = Mapping[str, Category]
# Marks rows as wrong: which, and why.
Reject = Callable[["pd.Series[bool]", str], None]

_MOST_HOUSEHOLDS = 2**31 - 1  # what the column holds


@dataclass(frozen=True)
class Kind:
    """One kind of section. ``categories`` names those that the city may declare for it."""

    what: str
    subject: Subject
    action: Action
    categories: str | None = None


BUILDINGS = Kind("buildings", BUILDING, Action.WRITE_ELEMENTS)
ELEMENTS = Kind("elements", ELEMENT, Action.WRITE_ELEMENTS, "element")
INCIDENTS = Kind("incidents", INCIDENT, Action.WRITE_INCIDENTS, "incident")


def kind_of(section: Points) -> Kind:
    """The kind of a section."""
    return {Buildings: BUILDINGS, Elements: ELEMENTS, Incidents: INCIDENTS}[type(section)]


def fields_of(section: Points) -> dict[str, Field]:
    """The fields that a section is read for besides id and point."""
    if isinstance(section, Buildings):
        texts = ("street", "number", "block", "estate", "counted_by")
        fields = {name: Field(getattr(section, name)) for name in texts}
        for name in ("households", "expected_households"):
            fields[name] = Field(getattr(section, name), "count", lowest=0, highest=_MOST_HOUSEHOLDS)
        return {**fields, "counted_on": Field(section.counted_on, "date")}
    if isinstance(section, Elements):
        return {
            "class": Field(section.class_, required=True),
            "category": Field(section.category, required=True),
            "name": Field(section.name),
            "building": Field(section.building),
        }
    assert isinstance(section, Incidents)
    happened = Field(section.happened_at, "time", required=True)
    # Without a time of report, the time it happened counts as it.
    reported = Field(section.reported_at, "time") if section.reported_at.column else happened
    return {
        "category": Field(section.category, required=True),
        "happened_at": happened,
        "reported_at": reported,
        "closed_at": Field(section.closed_at, "time"),
        "reporter": Field(section.reporter),
        "stated_cell": Field(section.stated_cell),
    }


def complete(kind: Kind, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what every row of the kind has."""
    if kind is BUILDINGS:
        return rows.assign(**{"class": "place", "category": "building", "name": None, "building": None})
    if kind is INCIDENTS:
        return rows.assign(reported_at=rows["reported_at"].fillna(rows["happened_at"]))
    return rows


def check(kind: Kind, rows: pd.DataFrame, categories: Categories, reject: Reject) -> None:
    """The rules on classes, persons and categories, the weightiest last."""
    if categories:
        listed = ", ".join(list(categories)[:20]) + (" …" if len(categories) > 20 else "")
        reject(~rows["category"].isin(list(categories)), f"category: must be one of the city's: {listed}")
        classes = rows["category"].map({code: each.class_ for code, each in categories.items() if each.class_})
        if kind is ELEMENTS:
            reject(classes.notna() & (classes != rows["class"]), "category: is one of another class")
    if kind is not ELEMENTS:
        return
    reject(~rows["class"].isin(ELEMENT_CLASSES), f"class: must be one of {', '.join(ELEMENT_CLASSES)}")
    person = rows["class"] == "person"
    closed = person & ~rows["category"].isin(PERSON_CATEGORIES)
    reject(closed, f"category: a person's must be one of {', '.join(PERSON_CATEGORIES)}")
    reject(person & rows["name"].notna(), "name: a person has none here")
