"""The two roles of the database: what the application role may do, and that the server runs as no other.

The owner migrates and loads; the application role only reads and writes rows, and policies bind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, insert, text

from gridmap.errors import InvalidInput, RuleBroken
from gridmap.store import tables

# The name that the private cluster and docker-compose.yml give it.
APPLICATION = "gridmap_app"

# What the code writes besides reading everything; no TRUNCATE and no DDL anywhere. UPDATE of revision is for its
# lock.
WRITES: Mapping[str, tuple[str, ...]] = {
    "INSERT": (
        "address", "address_alias", "address_name", "api_key", "area", "area_band", "area_lineage", "area_shape",
        "break_glass", "building", "cell", "cell_band", "draft", "draft_approval", "draft_certificate",
        "draft_comment", "draft_edit", "draft_waiver", "element", "element_placement", "element_shape",
        "element_share", "hex_cover", "holder",
        "incident", "incident_placement", "lineage", "load", "notice", "post", "principle_figure",
        "principle_finding", "principle_measure", "principle_offender", "redrawn_box", "rejected_row", "release",
        "release_cell", "release_row", "release_table", "revision", "session", "shift", "shift_exception",
        "territory_cell",
        "upcoming", "upcoming_cell", "worker",
    ),
    "UPDATE": (
        "api_key", "area", "area_band", "area_shape", "building", "cell", "cell_band", "city", "draft",
        "draft_approval", "draft_certificate", "draft_comment", "draft_edit", "draft_waiver", "element",
        "element_placement", "hex_cover", "holder", "incident", "incident_placement", "load", "post", "revision",
        "session", "shift", "shift_exception", "worker",
    ),
    "DELETE": (
        "address", "address_alias", "address_name", "area_band", "cell_band", "draft_approval", "draft_edit",
        "element_shape", "element_share", "hex_cover", "principle_measure", "rejected_row", "session",
        "territory_cell", "upcoming", "worker",
    ),
}  # fmt: skip

# What nobody reads but the functions that make the chain of it: references stand there as they are.
UNREAD = frozenset({"audit_pending"})

# What the application does to the trace, whose tables it writes to by no other way.
FUNCTIONS = (
    "audit_note(text)", "audit_seal()", "audit_take(text[])", "audit_forget(text)",
    "audit_prune(timestamptz, timestamptz)",
)  # fmt: skip

_THERE = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")

# Also a member of an owner may do what the owner may: switch policies off.
_STANDING = text(
    """
    SELECT role.rolname AS name, role.rolsuper AS is_super, role.rolbypassrls AS bypasses, (
        SELECT min(owner.rolname) FROM pg_class JOIN pg_roles AS owner ON owner.oid = pg_class.relowner
        WHERE pg_class.relnamespace = 'public'::regnamespace AND pg_class.relname = ANY(:tables)
          AND pg_has_role(role.oid, owner.oid, 'MEMBER')
    ) AS owner
    FROM pg_roles AS role WHERE role.rolname = current_user
    """
)


def grant_application(connection: Connection, role: str = APPLICATION) -> None:
    """Give the application role what the server needs and take what it had besides; for the owner.

    RuleBroken when there is no such role: the owner may not make roles.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.@-]{0,62}", role):
        raise InvalidInput("application role", role, "must be 1 to 63 of letters, digits and _.@-")
    if not connection.execute(_THERE, {"role": role}).scalar_one():
        rule = "CREATE ROLE … LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
        raise RuleBroken(f"there is no role {role!r} for the server to run as: as a superuser, {rule}")
    owner = connection.execute(text("SELECT current_user")).scalar_one()
    if role == owner:
        raise RuleBroken(f"the server must run as another role than {owner!r}, which owns the tables")
    read = [name for name in (*tables.metadata.tables, "alembic_version") if name not in UNREAD]
    statements = [
        f'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM "{role}"',
        f'GRANT SELECT ON {", ".join(read)} TO "{role}"',
        *(f'GRANT {what} ON {", ".join(named)} TO "{role}"' for what, named in WRITES.items()),
        f'GRANT EXECUTE ON FUNCTION {", ".join(FUNCTIONS)} TO "{role}"',
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{role}"',
    ]
    for statement in statements:
        connection.execute(text(statement))


def write_rights(connection: Connection, rights: Iterable[tuple[str, str]]) -> None:
    """Put (action, role) in the place of what the database knows of roles' rights; for the owner."""
    connection.execute(delete(tables.role_right))
    rows = [{"action": action, "role": role} for action, role in sorted(rights)]
    connection.execute(insert(tables.role_right), rows)


def read_rights(connection: Connection) -> set[tuple[str, str]]:
    """Every (action, role) that the policies go by."""
    table = tables.role_right
    return {(row.action, row.role) for row in connection.execute(table.select())}


def check_application(connection: Connection) -> None:
    """RuleBroken when the session's role is one that policies do not bind: the server runs as another."""
    found = connection.execute(_STANDING, {"tables": list(tables.metadata.tables)}).one()
    reason = None
    if found.is_super:
        reason = "is a superuser"
    elif found.bypasses:
        reason = "has BYPASSRLS"
    elif found.owner is not None:
        reason = "owns the tables" if found.owner == found.name else f"is a member of their owner {found.owner!r}"
    if reason is not None:
        raise RuleBroken(
            f"the server does not run as the database role {found.name!r}, which {reason}: policies would not "
            "bind it; name a plain role such as gridmap_app in GRIDMAP_DATABASE_URL, and the owner in "
            "GRIDMAP_OWNER_DATABASE_URL"
        )
