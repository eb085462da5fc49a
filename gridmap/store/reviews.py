"""What stands beside a draft's edits: comments, approvals, waivers, and the results of its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gridmap.model import Actor
from gridmap.redraw.draft import Approval, Comment, Waiver
from gridmap.store.tables import draft_approval, draft_certificate, draft_comment, draft_waiver


def insert_comment(
    connection: Connection,
    draft: int,
    actor: Actor,
    text: str,
    point: tuple[float, float] | None,
    cell: str | None,
) -> int:
    """A remark, pinned to a point (lon, lat), a cell, or neither; returns its number."""
    where = None if point is None else func.ST_SetSRID(func.ST_MakePoint(*point), 4326)
    values = {"draft": draft, "actor": actor.id, "text": text, "cell": cell, "point": where}
    number: int = connection.execute(
        insert(draft_comment).values(values).returning(draft_comment.c.id)
    ).scalar_one()
    return number


def resolve_comment(connection: Connection, draft: int, number: int, actor: Actor) -> bool:
    """Say that a remark is dealt with; False when the draft has none with this number."""
    chosen = (draft_comment.c.draft == draft, draft_comment.c.id == number)
    statement = update(draft_comment).where(*chosen).values(resolved_by=actor.id)
    return connection.execute(statement).rowcount == 1


def read_comments(connection: Connection, draft: int) -> list[Comment]:
    """All remarks on a draft, the oldest first."""
    table = draft_comment
    place = (func.ST_X(table.c.point).label("lon"), func.ST_Y(table.c.point).label("lat"))
    columns = (table.c.id, table.c.actor, table.c.made_at, table.c.text, *place, table.c.cell, table.c.resolved_by)
    rows = connection.execute(select(*columns).where(table.c.draft == draft).order_by(table.c.id))
    return [
        Comment(
            row.id,
            row.actor,
            row.made_at,
            row.text,
            None if row.lon is None else (row.lon, row.lat),
            row.cell,
            row.resolved_by,
        )
        for row in rows
    ]


def put_approval(connection: Connection, draft: int, level: str, area: str, actor: Actor, version: int) -> None:
    """An approver's yes for an area; a later one replaces an earlier one."""
    values = {"draft": draft, "area": area, "level": level, "actor": actor.id, "version": version}
    changed = {"actor": actor.id, "version": version, "made_at": func.clock_timestamp()}
    keys = [draft_approval.c.draft, draft_approval.c.area]
    statement = upsert(draft_approval).values(values).on_conflict_do_update(index_elements=keys, set_=changed)
    connection.execute(statement)


def read_approvals(connection: Connection, draft: int) -> list[Approval]:
    """All approvals of a draft, by level and area."""
    table = draft_approval
    columns = (table.c.level, table.c.area, table.c.actor, table.c.made_at, table.c.version)
    query = select(*columns).where(table.c.draft == draft).order_by(table.c.level, table.c.area)
    return [Approval(*row) for row in connection.execute(query)]


def drop_approvals(connection: Connection, draft: int) -> None:
    """Take all approvals back: the draft will be another one."""
    connection.execute(delete(draft_approval).where(draft_approval.c.draft == draft))


def put_waiver(
    connection: Connection, draft: int, what: str, signed: str, reason: str, actor: Actor, version: int
) -> None:
    """Waive a check for a version; a later waiver of the same check replaces an earlier one."""
    values = {
        "draft": draft,
        "what": what,
        "signed": signed,
        "reason": reason,
        "actor": actor.id,
        "version": version,
    }
    changed = {name: values[name] for name in ("signed", "reason", "actor", "version")}
    changed |= {"made_at": func.clock_timestamp()}
    keys = [draft_waiver.c.draft, draft_waiver.c.what]
    connection.execute(
        upsert(draft_waiver).values(values).on_conflict_do_update(index_elements=keys, set_=changed)
    )


def read_waivers(connection: Connection, draft: int) -> list[Waiver]:
    """All waivers of a draft, also those of earlier versions."""
    table = draft_waiver
    columns = (table.c.what, table.c.signed, table.c.reason, table.c.actor, table.c.made_at, table.c.version)
    query = select(*columns).where(table.c.draft == draft).order_by(table.c.what)
    return [Waiver(*row) for row in connection.execute(query)]


def read_certificate(connection: Connection, draft: int, version: int, over: int) -> list[dict[str, Any]]:
    """The kept results of the checks of a version that would follow revision ``over``; none when none are kept."""
    table = draft_certificate
    chosen = (table.c.draft == draft, table.c.version == version, table.c.over == over)
    found = connection.execute(select(table.c.checks).where(*chosen)).scalar_one_or_none()
    return list(found or ())


def put_certificate(
    connection: Connection,
    draft: int,
    version: int,
    over: int,
    passed: bool,
    checks: Sequence[Mapping[str, object]],
) -> None:
    """Keep the newest results of the checks of a version that would follow revision ``over``."""
    values = {"draft": draft, "version": version, "over": over, "passed": passed, "checks": list(checks)}
    changed = {"passed": passed, "checks": list(checks), "made_at": func.clock_timestamp()}
    table = draft_certificate
    keys = [table.c.draft, table.c.version, table.c.over]
    connection.execute(upsert(table).values(values).on_conflict_do_update(index_elements=keys, set_=changed))
