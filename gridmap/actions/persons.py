"""Listing person elements: for a purpose, and never without a trace of which were listed."""

from __future__ import annotations

from collections.abc import Sequence

from gridmap.access import Action, require
from gridmap.errors import InvalidInput
from gridmap.model import PERSON_PURPOSES, Actor
from gridmap.store.audit import note
from gridmap.store.database import Database
from gridmap.store.listing import Page, RowMapping, list_persons

# Nobody works through more at a time.
MOST_PERSONS = 200


def persons_for(
    database: Database, actor: Actor, page: Page, purpose: str | None, places: Sequence[str]
) -> Sequence[RowMapping]:
    """Persons of the categories that a purpose is for; ``places`` are the codes of the page's place and above.

    The references are in the trace when this returns: both are one transaction, so while the database is away
    nobody is listed. InvalidInput without a purpose, or for a category that it is not for.
    """
    require(actor, Action.READ_PERSONS)
    known = ", ".join(PERSON_PURPOSES)
    if purpose not in PERSON_PURPOSES:
        raise InvalidInput("purpose", purpose, f"persons are listed for a purpose only, one of {known}")
    categories = PERSON_PURPOSES[purpose]
    if page.category is not None and page.category not in categories:
        rule = f"the purpose {purpose} is for {', '.join(categories)}"
        raise InvalidInput("category", page.category, rule)
    with database.begin(actor, Action.READ_PERSONS) as connection:
        rows = list_persons(connection, page, categories)
        shown = rows[: page.limit - 1]
        read = {
            "what": "persons",
            "area": places[0],
            "category": page.category,
            "revision": page.revision,
            "after": page.after,
            "rows": len(shown),
        }
        refs = [row["external_id"] for row in shown]
        note(connection, {"purpose": purpose, "read": read, "codes": list(places), "refs": refs})
    return rows
