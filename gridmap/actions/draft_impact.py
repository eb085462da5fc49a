"""What a draft does on its base: nothing is written."""

from __future__ import annotations

from dataclasses import replace

from gridmap.actions.certifying import on_base
from gridmap.actions.drafts import read_draft
from gridmap.actions.impact import impact
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.model import Actor
from gridmap.redraw.draft import Draft
from gridmap.redraw.impact import Impact, Principles
from gridmap.redraw.plan import Plan
from gridmap.redraw.principles.measured import after_change, measured
from gridmap.store.database import Connection


def draft_impact(
    connection: Connection, actor: Actor, bench: Workbench, number: int, grid: Grid | None = None
) -> tuple[Draft, Impact]:
    """A draft that the actor may see, and what it does, as he may see it. Raises what refuses the change."""
    draft = read_draft(connection, actor, number)
    plan = bench.plan(connection, draft, grid)
    base = plan.base
    after = on_base(plan)
    found = impact(
        connection, base.city, base.grid, after, actor, bench.measured(connection, base), plan.moved_communities()
    )
    said = plan.state.posts
    posts = (
        replace(post, successor=said.get(post.code) or said.get(post.cell, post.successor)) for post in found.posts
    )
    return draft, replace(found, posts=tuple(posts))


def draft_principles(connection: Connection, bench: Workbench, plan: Plan) -> Principles:
    """The five principles of a plan's base and of the plan."""
    base = bench.measured(connection, plan.base)
    return Principles(
        base.findings, measured(after_change(base.numbers, on_base(plan), base.ground, plan.moved_communities()))
    )
