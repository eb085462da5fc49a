"""Reading the trace, holding it against its hashes, and removing what need not be kept of it any longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gridmap.access import EVERYWHERE, Action, require
from gridmap.audit.chain import Anchor, Batch, Checked, check_chain
from gridmap.errors import NotAllowed
from gridmap.model import Actor
from gridmap.store import audit as store
from gridmap.store.audit import Found, Sought
from gridmap.store.database import Database


def search_audit(database: Database, actor: Actor, sought: Sought) -> list[Found]:
    """Entries within the auditor's territories, the newest first. That they were read leaves a trace itself."""
    require(actor, Action.READ_AUDIT)
    with database.begin(actor) as connection:
        found = store.search(connection, sought)
        asked = {
            "since": None if sought.since is None else sought.since.isoformat(),
            "until": None if sought.until is None else sought.until.isoformat(),
            "actor": sought.actor,
            "action": sought.action,
            "by_ref": None if sought.ref is None else True,
        }
        read = {name: value for name, value in asked.items() if value is not None}
        refs = [] if sought.ref is None else [sought.ref]
        store.note(connection, {"read": {"what": "audit", "rows": len(found), **read}, "refs": refs})
    return found


def verify_audit(database: Database, actor: Actor, anchors: Sequence[Anchor]) -> Checked:
    """Recompute the whole chain and hold it against anchors from outside; for an auditor of the whole city."""
    require(actor, Action.READ_AUDIT)
    if EVERYWHERE not in actor.territories:
        raise NotAllowed("a part of the chain cannot be verified: the whole city must be your territory")
    with database.begin(actor, long_work=True, one_state=True) as connection:
        return check_chain(
            store.read_batches(connection), store.read_entries(connection), store.read_details(connection), anchors
        )


def audit_head(database: Database, actor: Actor) -> Batch | None:
    """The newest batch, whose hash stands for all that came before; None before the first."""
    require(actor, Action.READ_AUDIT)
    with database.begin(actor) as connection:
        return store.read_head(connection)


def prune_audit(
    database: Database, actor: Actor, now: datetime, origin_days: int, answer_days: int
) -> tuple[int, int]:
    """Remove from where things were done, and kept answers, that are older than so many days; how many of each."""
    require(actor, Action.PRUNE_AUDIT)
    with database.begin(actor, long_work=True) as connection:
        return store.prune(connection, now - timedelta(days=origin_days), now - timedelta(days=answer_days))
