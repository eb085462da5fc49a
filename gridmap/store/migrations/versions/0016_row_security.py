"""Row-level security: who acts is read from the transaction, and policies go by role, territory and purpose.

Roles' rights and the application role's grants are written by ``gridmap.store.roles`` after every migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_CODE = sa.Text(collation="C")

# Functions in parentheses with SELECT are asked once for a statement, not for each row.
_UNBOUND = "(SELECT actor_is_unbound())"
_EVERYWHERE = "(SELECT actor_is_everywhere())"
_OWN_CELL = (
    f"({_EVERYWHERE} OR {{}} IN "
    "(SELECT own.cell_id FROM territory_cell AS own WHERE own.code = ANY (actor_territories())))"
)
_OWN_CODE = f"({_EVERYWHERE} OR {{}} IN (SELECT unnest(actor_codes())))"
_OWN_CODES = f"({_EVERYWHERE} OR {{}} <@ (SELECT actor_codes()))"
_OWN_PLACES = f"({_EVERYWHERE} OR {{}} && (SELECT actor_territories()))"


def _may(*actions: str) -> str:
    return f"(SELECT actor_may({', '.join(map(repr, actions))}))"


def _does(*actions: str) -> str:
    return f"(SELECT actor_does({', '.join(map(repr, actions))}))"


# What reads facts of the whole city, since it tells of them only what the action tells; and what needs the city
# for its territory.
_FOR_ANY = ("PUBLISH", "READ_DRAFTS", "READ_DOSSIERS", "MEASURE", "VERIFY")
_FOR_CITY = ("MAKE_RELEASES", "READ_ON_THE_MAP")


def _whole(*more: str) -> str:
    return f"{_does(*_FOR_ANY, *more)} OR {_does(*_FOR_CITY)} AND {_EVERYWHERE}"


# What anybody may read; written by whoever may take one of these actions.
_OPEN = {
    ("START_CITY",): ("city", "category", "line", "outline", "overlay"),
    ("PUBLISH", "START_CITY"): (
        "revision", "cell", "area", "area_shape", "lineage", "area_lineage", "redrawn_box", "territory_cell",
        "upcoming", "upcoming_cell",
    ),
    ("PUBLISH", "START_CITY", "REBUILD_HEXES"): ("hex_cover",),
    ("PUBLISH", "START_CITY", "REBUILD_BANDS"): ("cell_band", "area_band"),
    ("PUBLISH", "START_CITY", "WRITE_ELEMENTS"): ("address", "address_name", "address_alias"),
    ("WRITE_DUTY",): ("holder",),
    ("MEASURE",): ("principle_measure", "principle_finding"),
    (): ("worker", "role_right"),
}  # fmt: skip

# The children of a draft are for whoever sees it.
_OF_DRAFT = ("draft_edit", "draft_comment", "draft_approval", "draft_waiver", "draft_certificate")


def upgrade() -> None:
    op.create_table(
        "role_right",
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("action", "role", name=op.f("pk_role_right")),
        comment="What roles may do, as policies read it; migrating writes it from gridmap/access.py.",
    )
    op.create_table(
        "territory_cell",
        sa.Column("code", _CODE, nullable=False),
        sa.Column("cell_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("code", "cell_id", name=op.f("pk_territory_cell")),
        comment="Derived: the cells below each code, and a cell's own; of cells that ended as they last were. "
        "Policies read it, publishing writes it, verify recomputes it.",
    )
    op.create_index("ix_territory_cell_cell_id", "territory_cell", ["cell_id"], unique=False)
    _place_present()
    _fill_territories()
    _make_functions()
    _guard_triggers()
    _protect_triggers()
    for actions, tables in _OPEN.items():
        for table in tables:
            _refuse_others(table, actions)
    _protect_subjects()
    _protect_loads()
    _protect_drafts()
    _protect_the_rest()


def _place_present() -> None:
    for subject in ("element", "incident"):
        op.add_column(subject, sa.Column("cell_now", sa.Integer(), nullable=True))
        op.execute(
            f"UPDATE {subject} SET cell_now = placement.cell_id FROM {subject}_placement AS placement "
            f"WHERE placement.{subject}_id = {subject}.id AND placement.last_revision IS NULL "
            "AND placement.cell_id IS NOT NULL"
        )


def _fill_territories() -> None:
    """The same as ``gridmap.store.territories`` writes, for the cities that are there."""
    op.execute(
        """
        INSERT INTO territory_cell (code, cell_id)
        WITH RECURSIVE last AS (
            SELECT DISTINCT ON (id) id, code, community,
                   coalesce(upper(revisions) - 1, (SELECT max(number) FROM revision)) AS revision
            FROM cell ORDER BY id, lower(revisions) DESC
        ), above AS (
            SELECT DISTINCT community, revision, community AS code FROM last
            UNION
            SELECT above.community, above.revision, area.parent FROM above
            JOIN area ON area.code || '' = above.code AND area.revisions @> above.revision
            WHERE area.parent IS NOT NULL
        )
        SELECT code, id FROM last
        UNION
        SELECT above.code, last.id FROM last JOIN above USING (community, revision)
        """
    )


_CELLS_BELOW = "SELECT own.cell_id FROM territory_cell AS own WHERE own.code = ANY"
_SAID = "nullif(current_setting('gridmap.actor', true), '')::jsonb"
# Name, arguments, what it returns, and the expression, or statements that ask first what needs no query. In plpgsql,
# whose plans a session keeps: functions in SQL would be planned anew for each statement, which costs more than a
# small roster.
_FUNCTIONS = (
    ("actor_value", "key text", "text", f"{_SAID} ->> key"),
    ("actor_is_unbound", "", "boolean", f"coalesce({_SAID} ->> 'unbound' = 'true', false)"),
    (
        "actor_territories", "", "text[]",
        f"ARRAY(SELECT jsonb_array_elements_text({_SAID} -> 'territories'))",
    ),
    (
        "actor_is_everywhere", "", "boolean",
        f"IF actor_is_unbound() OR coalesce({_SAID} -> 'territories' ? '*', false) THEN RETURN true; END IF; "
        f"RETURN EXISTS (SELECT FROM city WHERE {_SAID} -> 'territories' ? code)",
    ),
    (
        "actor_may", "VARIADIC actions text[]", "boolean",
        "actor_is_unbound() OR EXISTS (SELECT FROM role_right AS held "
        "WHERE held.role = actor_value('role') AND held.action = ANY (actions))",
    ),
    (
        "actor_does", "VARIADIC actions text[]", "boolean",
        "IF actor_is_unbound() THEN RETURN true; END IF; "
        f"IF NOT coalesce({_SAID} -> 'doing' ?| actions, false) THEN RETURN false; END IF; "
        "RETURN EXISTS (SELECT FROM role_right AS held WHERE held.role = actor_value('role') "
        f"AND held.action = ANY (actions) AND {_SAID} -> 'doing' ? held.action)",
    ),
    # The codes of the current grid at or below the actor's territories, overlays there, and these themselves.
    (
        "actor_codes", "", "text[]",
        "ARRAY(WITH RECURSIVE below AS ("
        "SELECT code FROM area WHERE code = ANY (actor_territories()) AND upper_inf(revisions) "
        "UNION SELECT area.code FROM area JOIN below ON area.parent = below.code WHERE upper_inf(area.revisions)) "
        "SELECT code FROM below "
        "UNION SELECT cell.code FROM cell JOIN below ON cell.community = below.code WHERE upper_inf(cell.revisions) "
        "UNION SELECT overlay.code FROM overlay JOIN area_shape ON ST_Intersects(overlay.geom, area_shape.geom) "
        "WHERE area_shape.code = ANY (actor_territories()) AND upper_inf(area_shape.revisions) "
        "AND overlay.valid @> now() "
        "UNION SELECT unnest(actor_territories()))",
    ),
    # Whether the actor may be told live counts of cells; of null: of the whole city and what lies outside.
    (
        "actor_may_count", "cells integer[]", "boolean",
        "actor_may('READ_COUNTS') AND (actor_is_everywhere() OR cells IS NOT NULL AND NOT EXISTS ("
        "SELECT FROM unnest(cells) AS each WHERE each NOT IN "
        f"({_CELLS_BELOW} (actor_territories()))))",
    ),
)  # fmt: skip


def _make_functions() -> None:
    """Who acts, as the transaction says; nothing said is the public."""
    for name, arguments, returns, said in _FUNCTIONS:
        body = said if said.startswith("IF ") else f"RETURN {said}"
        op.execute(
            f"CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE plpgsql STABLE PARALLEL SAFE "
            f"AS $$ BEGIN {body}; END $$"
        )
    # Cells whose persons are open to the actor for another reason than his territory: none, so far.
    op.execute(
        "CREATE FUNCTION opened_cells() RETURNS SETOF integer LANGUAGE sql STABLE PARALLEL SAFE "
        "AS $$ SELECT NULL::integer WHERE false $$"
    )


def _guard_triggers() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_other_roles() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT coalesce(actor_may(VARIADIC TG_ARGV), false) THEN
                RAISE insufficient_privilege USING MESSAGE = format('the actor may not write %s', TG_TABLE_NAME);
            END IF;
            RETURN NULL;
        END $$
        """
    )


def _refuse_others(table: str, actions: tuple[str, ...]) -> None:
    """Tables that everybody reads need no policy but a statement's word, which COPY gives too."""
    named = ", ".join(map(repr, actions))
    op.execute(
        f"CREATE TRIGGER {table}_is_written_by_few BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_roles({named})"
    )


def _protect_triggers() -> None:
    """What triggers note is the owner's to write: the application needs no grant on it."""
    for function in ("raise_data_version()", "note_fact_change()", "number_fact_change()"):
        op.execute(f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp")


def _policied(table: str) -> None:
    """Bind everybody but the server's own work and commands on the machine, the owner too."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    _policy(table, "all_for_the_machine", "ALL", _UNBOUND, _UNBOUND)


def _policy(table: str, name: str, command: str, using: str | None, check: str | None = None) -> None:
    parts = [f"USING ({using})"] if using is not None else []
    parts += [f"WITH CHECK ({check})"] if check is not None else []
    op.execute(f"CREATE POLICY {name} ON {table} FOR {command} {' '.join(parts)}")


def _protect_subjects() -> None:
    """Elements, incidents, where they are placed, and what belongs to them."""
    persons = _does("READ_PERSONS", "READ_COUNTS")
    for subject, writes, reads in (
        ("element", "WRITE_ELEMENTS", _does("READ_ELEMENTS", "READ_PERSONS", "READ_COUNTS")),
        ("incident", "WRITE_INCIDENTS", _does("READ_INCIDENTS", "READ_NOTICES", "READ_COUNTS")),
    ):
        everything = _whole(writes)
        here = _OWN_CELL.format(f"{subject}.cell_now")
        shown = f"({reads} AND {here})"
        if subject == "element":  # persons only where the transaction says that it lists or counts them
            shown = f"({reads} AND (class <> 'person' OR {persons}) AND {here})"
            opened = "element.cell_now IN (SELECT opened_cells())"
            shown += f" OR (class = 'person' AND {_does('READ_PERSONS')} AND {opened})"
        else:  # the post that goes on with an incident after a redraw still has it
            # as a list: the planner would itself ask for the codes of a query
            had = "SELECT post.code FROM post WHERE post.territory = ANY ((SELECT actor_codes())::text[])"
            shown += f" OR ({reads} AND handler IS NOT NULL AND handler IN ({had}))"
        _policied(subject)
        _policy(subject, "read_by_staff", "SELECT", f"{everything} OR {shown}")
        written = f"({_UNBOUND} OR {_does(writes)} AND {here})"
        if subject == "element":
            written = f"({written} AND (class <> 'person' OR {_may('WRITE_PERSONS')}))"
        _policy(subject, "added_by_staff", "INSERT", None, written)
        changed = f"{_does('PUBLISH')} OR {written}"
        _policy(subject, "changed_by_staff", "UPDATE", changed, changed)

        placement = f"{subject}_placement"
        there = _OWN_CELL.format(f"{placement}.cell_id")
        _policied(placement)
        _policy(placement, "read_by_staff", "SELECT", f"{everything} OR ({reads} AND {there})")
        placed = f"{_does('PUBLISH')} OR {_does(writes)} AND {there}"
        _policy(placement, "added_by_staff", "INSERT", None, placed)
        _policy(placement, "changed_by_staff", "UPDATE", placed, placed)
    for table in ("building", "element_share", "element_shape"):
        # As its element: that table's own policies say who sees and who changes one.
        seen = f"EXISTS (SELECT FROM element WHERE element.id = {table}.element_id)"
        _policied(table)
        _policy(table, "read_with_element", "SELECT", f"{_whole('WRITE_ELEMENTS')} OR {seen}")
        written = f"{_does('PUBLISH')} OR {_does('WRITE_ELEMENTS')} AND EXISTS (SELECT FROM element "
        written += f"WHERE element.id = {table}.element_id AND {_OWN_CELL.format('element.cell_now')})"
        for name, command in (("added", "INSERT"), ("changed", "UPDATE"), ("removed", "DELETE")):
            using, check = None if command == "INSERT" else written, None if command == "DELETE" else written
            _policy(table, f"{name}_with_element", command, using, check)
    _policied("fact_change")
    _policy("fact_change", "read_by_the_server", "SELECT", f"{_UNBOUND} OR (SELECT pg_trigger_depth() > 0)")
    _policy("fact_change", "written_by_triggers", "ALL", "(SELECT pg_trigger_depth() > 0)")


def _protect_loads() -> None:
    loads = _does("WRITE_ELEMENTS", "WRITE_INCIDENTS", "WRITE_DUTY")
    own = _OWN_CODES.format("territories")
    _policied("load")
    reads = f"({_may('READ_LOADS')} OR {_does('READ_ON_THE_MAP')} OR {loads})"
    _policy("load", "read_by_staff", "SELECT", f"{reads} AND {own}")
    _policy("load", "written_by_staff", "INSERT", None, f"{loads} AND {own}")
    _policy("load", "finished_by_staff", "UPDATE", f"{loads} AND {own}")
    seen = "load_id IN (SELECT load.id FROM load)"
    _policied("rejected_row")
    _policy("rejected_row", "read_with_load", "SELECT", f"{_UNBOUND} OR {seen} OR {loads} AND expires_at <= now()")
    _policy("rejected_row", "kept_with_load", "INSERT", None, f"{loads} AND {seen}")
    _policy("rejected_row", "removed_when_expired", "DELETE", f"{_UNBOUND} OR {loads} AND expires_at <= now()")


def _protect_drafts() -> None:
    """Whom a draft is shared with, and under review the approvers and publishers of the territory."""
    works = "(owner = (SELECT actor_value('id')) OR (SELECT actor_value('id')) = ANY (shared_with))"
    reviews = (
        f"({_may('REVIEW', 'PUBLISH')} AND state IN ('submitted', 'returned', 'approved', 'scheduled', 'published') "
        f"AND {_OWN_PLACES.format('places')})"
    )
    told = f"(state = 'published' AND {_does('READ_DOSSIERS')} AND {_OWN_PLACES.format('places')})"
    _policied("draft")
    _policy(
        "draft", "read_by_those_who_share_it", "SELECT",
        f"{_UNBOUND} OR {_may('READ_DRAFTS')} AND ({works} OR {reviews}) OR {told}",
    )  # fmt: skip
    _policy(
        "draft", "begun_by_its_owner", "INSERT", None,
        f"{_UNBOUND} OR {_may('DRAW')} AND owner = (SELECT actor_value('id'))",
    )  # fmt: skip
    changed = f"{_UNBOUND} OR {_may('DRAW')} AND {works} OR {reviews}"
    _policy("draft", "changed_by_those_who_share_it", "UPDATE", changed, changed)
    for table in _OF_DRAFT:
        seen = "draft IN (SELECT draft.id FROM draft)"
        _policied(table)
        _policy(table, "read_with_draft", "SELECT", f"{_UNBOUND} OR {seen}")
        _policy(table, "written_with_draft", "ALL", f"{_UNBOUND} OR {_may('READ_DRAFTS')} AND {seen}")


def _protect_the_rest() -> None:
    _policied("notice")
    own = _OWN_PLACES.format("places")
    _policy("notice", "read_by_staff", "SELECT", f"{_UNBOUND} OR {_may('READ_NOTICES')} AND {own}")
    _policy("notice", "written_by_publishing", "INSERT", None, _does("PUBLISH"))
    _policied("api_key")
    given = f"{_UNBOUND} OR {_may('GIVE_KEYS')} AND {_OWN_CODES.format('territories')}"
    _policy("api_key", "given_out_by_key_admins", "ALL", given, given)
    for table in ("release", "release_table", "release_row", "release_cell"):
        _policied(table)
        _policy(table, "read_by_everybody", "SELECT", "true")
        _policy(table, "made_at_set_times", "INSERT", None, f"{_does('MAKE_RELEASES')} AND {_EVERYWHERE}")
    duty = f"{_does('PUBLISH')} OR {_may('WRITE_DUTY')} AND "
    own = duty + _OWN_CODE.format("territory")
    of_own = duty + (
        f"({_EVERYWHERE} OR EXISTS (SELECT FROM post AS own WHERE own.code = {{}}.post "
        "AND own.territory IN (SELECT unnest(actor_codes()))))"
    )
    for table, written in (
        ("post", own), ("shift", of_own.format("shift")), ("shift_exception", of_own.format("shift_exception"))
    ):  # fmt: skip
        _policied(table)
        _policy(table, "read_by_everybody", "SELECT", "true")
        for name, command in (("added", "INSERT"), ("changed", "UPDATE")):
            _policy(table, f"{name}_by_staff", command, None if command == "INSERT" else written, written)
    people = f"({_may('READ_COUNTS')} AND {_EVERYWHERE})"
    offends = (
        "NOT EXISTS (SELECT FROM principle_finding AS finding WHERE finding.offenders_of_people "
        "AND finding.revision = principle_offender.revision AND finding.principle = principle_offender.principle)"
    )
    for table, shown in (("principle_figure", "NOT of_people"), ("principle_offender", offends)):
        _policied(table)
        _policy(table, "what_rests_on_people_for_staff", "SELECT", f"{people} OR {shown}")
        _policy(table, "measured", "ALL", f"{_UNBOUND} OR {_does('MEASURE')}")
