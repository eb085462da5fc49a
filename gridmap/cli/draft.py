"""``gridmap draft``: redraws on the command line, from the first edit to the revision."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api import drafts as shape
from api.draft_impact import impact as shape_impact
from gridmap.access import OPERATOR
from gridmap.actions import draft_edits, draft_publish, draft_review, drafts
from gridmap.actions.certifying import certify_draft, keep_certificate, make_ready
from gridmap.actions.draft_impact import draft_impact
from gridmap.cli import draft_review as review
from gridmap.cli.draft_propose import propose_
from gridmap.cli.drafting import (
    AsOption,
    CityOption,
    CrsOption,
    DraftArgument,
    ExpectsOption,
    JsonOption,
    working,
)
from gridmap.cli.environment import say
from gridmap.crs import check_name
from gridmap.errors import InvalidInput
from gridmap.model import DRAFT_STATES, City
from gridmap.redraw.impact import compare as compare_impacts
from gridmap.store.drafts import read_edits
from gridmap.store.reviews import read_approvals, read_comments, read_waivers

app = typer.Typer(help="Redraw the grid: drafts, their review, and publishing.", no_args_is_help=True)

app.command()(review.submit)
app.command("return")(review.return_)
app.command()(review.approve)
app.command()(review.comment)
app.command()(review.waive)
app.command()(review.notice)
app.command("propose")(propose_)


@app.command()
def create(
    name: str,
    reason: Annotated[str, typer.Option(help="why; it becomes the revision's note")] = "",
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a draft on the current revision."""
    with working(city, as_) as work:
        draft = drafts.create_draft(work.database, work.actor, name, reason=reason)
    _print({"draft": draft.id, "base": draft.base}, as_json)


@app.command()
def describe(
    draft: DraftArgument,
    name: Annotated[str | None, typer.Option(help="another name")] = None,
    reason: Annotated[str | None, typer.Option(help="why it is drawn")] = None,
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
) -> None:
    """Give a draft another name or reason."""
    with working(city, as_) as work:
        found = drafts.change_draft(work.database, work.actor, draft, name, None, reason)
    print(f"draft {draft}: {found.name}{f': {found.reason}' if found.reason else ''}")


@app.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help=f"one of {', '.join(DRAFT_STATES)}")] = None,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """List drafts, newest first."""
    with working(city, OPERATOR.id) as work, work.database.begin(work.actor) as connection:
        found = drafts.list_drafts(connection, work.actor, DRAFT_STATES if state is None else [state])
        rows = [shape.listed(draft, work.city).model_dump(mode="json") for draft in found]
    if as_json:
        _print(rows, as_json)
        return
    for row in rows:
        why = row["reason"]
        head = f"{row['draft']}  {row['state']}  on {row['base']}  {row['owner']}  {row['name']}"
        print(f"{head}: {why}" if why else head)


@app.command()
def show(draft: DraftArgument, city: CityOption = None, as_json: JsonOption = False) -> None:
    """Show a draft: its edits, comments, approvals and waivers."""
    with working(city, OPERATOR.id) as work, work.database.begin(work.actor) as connection:
        found = drafts.read_draft(connection, work.actor, draft)
        plan = work.bench.plan(connection, found)
        approvals = read_approvals(connection, draft)
        missing = draft_review.missing_approvals(work.city, found, draft_review.areas_of(plan), approvals)
        answer = shape.whole(
            found,
            work.city,
            read_edits(connection, draft),
            read_comments(connection, draft),
            approvals,
            missing if work.city.approvals else [],
            read_waivers(connection, draft),
        )
    _print(answer.model_dump(mode="json"), as_json)


@app.command()
def edit(
    draft: DraftArgument,
    meant: Annotated[str, typer.Argument(help="the edit as JSON, a file of it, or - for standard input")],
    preview: Annotated[bool, typer.Option("--preview", help="only show what it would do")] = False,
    expects: ExpectsOption = None,
    crs: CrsOption = "wgs84",
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw on a draft, such as '{"op": "merge", "cells": ["…", "…"]}'; the README lists the ops."""
    name, wanted = check_name(crs), _read_json(meant)
    with working(city, as_) as work:
        if preview:
            with work.database.begin(work.actor) as connection:
                done = draft_edits.preview_edit(connection, work.actor, work.bench, draft, wanted)
        else:
            done = draft_edits.edit_draft(work.database, work.actor, work.bench, draft, wanted, expects)
    _print_edited(done, name, as_json, preview=preview)


@app.command()
def undo(
    draft: DraftArgument,
    expects: ExpectsOption = None,
    crs: CrsOption = "wgs84",
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the last edit back."""
    with working(city, as_) as work:
        done = draft_edits.undo_edit(work.database, work.actor, work.bench, draft, expects)
    _print_edited(done, check_name(crs), as_json)


@app.command()
def redo(
    draft: DraftArgument,
    expects: ExpectsOption = None,
    crs: CrsOption = "wgs84",
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do again what was undone last."""
    with working(city, as_) as work:
        done = draft_edits.redo_edit(work.database, work.actor, work.bench, draft, expects)
    _print_edited(done, check_name(crs), as_json)


@app.command()
def change(
    draft: DraftArgument,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="write the cells after to this .geojson")] = None,
    crs: CrsOption = "wgs84",
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show all that a draft changes of its base."""
    name = check_name(crs)
    with working(city, OPERATOR.id) as work, work.database.begin(work.actor) as connection:
        found = drafts.read_draft(connection, work.actor, draft)
        answer = shape.change(found, work.bench.plan(connection, found), name)
    if out is not None:
        out.write_text(answer.after.model_dump_json(), encoding="utf-8")
    if as_json:
        _print(answer.model_dump(mode="json"), as_json)
        return
    for title, features in (("before", answer.before.features), ("after", answer.after.features)):
        for each in features:
            print(f"{title}: {each.id} {each.properties['name']} ({each.properties['change']})")


@app.command()
def certificate(draft: DraftArgument, city: CityOption = None, as_json: JsonOption = False) -> None:
    """Run the checks of a draft as it would be published now; exit code 1 when one fails."""
    with working(city, OPERATOR.id) as work, work.database.begin(work.actor, long_work=True) as connection:
        found = drafts.read_draft(connection, work.actor, draft)
        certified = certify_draft(connection, work.bench, make_ready(connection, work.bench, found))
        keep_certificate(connection, certified)
        areas, approvals = draft_review.areas_of(certified.ready.plan), read_approvals(connection, draft)
        missing = draft_review.missing_approvals(work.city, found, areas, approvals) if work.city.approvals else []
    answer = shape.certificate(certified, missing).model_dump(mode="json")
    if as_json:
        _print(answer, as_json)
    else:
        for check in answer["checks"]:
            figures = ", ".join(f"{name} {value}" for name, value in check["figures"].items())
            print(f"{check['check']}: {check['result']}{f' ({figures})' if figures else ''}")
            for each in check["offenders"]:
                print(f"  {each['code']} {each['what']}")
    if not answer["passed"]:
        raise typer.Exit(1)


@app.command()
def impact(draft: DraftArgument, city: CityOption = None, as_json: JsonOption = False) -> None:
    """What a draft does: what moves where, posts, and the five principles before and after."""
    with working(city, OPERATOR.id) as work, work.database.begin(work.actor, long_work=True) as connection:
        found, done = draft_impact(connection, work.actor, work.bench, draft)
    answer = shape_impact(found, done).model_dump(mode="json")
    if not as_json:
        for one in answer["principles"]:
            one.pop("offenders")
    _print(answer, as_json)


@app.command()
def compare(
    draft: DraftArgument, other: DraftArgument, city: CityOption = None, as_json: JsonOption = False
) -> None:
    """Two drafts side by side, figure by figure."""
    with working(city, OPERATOR.id) as work, work.database.begin(work.actor, long_work=True) as connection:
        first, second = (draft_impact(connection, work.actor, work.bench, one)[1] for one in (draft, other))
    rows = [dataclasses.asdict(each) for each in compare_impacts(first, second)]
    if as_json:
        _print(rows, as_json)
        return
    for row in rows:
        shown = ("hidden or not measured" if row[name] is None else row[name] for name in ("first", "second"))
        print(f"{row['figure']}: {' | '.join(map(str, shown))}")


@app.command()
def publish(
    draft: DraftArgument,
    at: Annotated[str | None, typer.Option(help="a time; without offset city time. Else now")] = None,
    note: Annotated[str | None, typer.Option(help="what the revision is about; else its reason or name")] = None,
    as_: AsOption = OPERATOR.id,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish a draft as the next revision, now or at a time."""
    with working(city, as_) as work:
        if at is not None:
            moment = _moment(at, work.city)
            draft_publish.schedule_draft(work.database, work.actor, work.bench, draft, moment)
            _print({"draft": draft, "revision": None, "publish_at": moment.isoformat()}, as_json)
            return
        done = draft_publish.publish_draft(work.database, work.actor, work.bench, draft, note, say)
    answer = {
        "draft": draft,
        "revision": done.published.revision.number,
        "replayed_over": list(done.replayed_over),
        "recoded": dict(done.recoded),
        "unstaffed": list(done.published.unstaffed),
    }
    _print(answer, as_json)


@app.command("publish-due")
def publish_due(city: CityOption = None, as_json: JsonOption = False) -> None:
    """Publish the scheduled drafts whose time has come; a server does so by itself."""
    with working(city, OPERATOR.id) as work:
        found = draft_publish.publish_due(work.database, work.bench, say)
    rows = [{"draft": one.draft, "revision": one.revision, "problem": one.problem} for one in found]
    if as_json:
        _print(rows, as_json)
    for row in [] if as_json else rows:
        print(f"draft {row['draft']}: {row['problem'] or 'revision ' + str(row['revision'])}")
    if any(row["problem"] for row in rows):
        raise typer.Exit(1)


@app.command()
def recall(draft: DraftArgument, as_: AsOption = OPERATOR.id, city: CityOption = None) -> None:
    """Take a draft off its schedule."""
    with working(city, as_) as work:
        draft_publish.recall_draft(work.database, work.actor, draft)
    print(f"draft {draft} is approved, and has no time any more")


@app.command()
def discard(draft: DraftArgument, as_: AsOption = OPERATOR.id, city: CityOption = None) -> None:
    """Give a draft up."""
    with working(city, as_) as work:
        drafts.discard_draft(work.database, work.actor, draft)
    print(f"draft {draft} is discarded")


def _read_json(given: str) -> dict[str, Any]:
    text = given
    if given == "-":
        text = sys.stdin.read()
    elif not given.lstrip().startswith("{"):
        try:
            text = Path(given).read_text(encoding="utf-8")
        except OSError as error:
            raise InvalidInput("edit", given, f"cannot be read: {error.strerror}") from error
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInput("edit", given, f"must be JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput("edit", given, "must be a JSON object")
    return found


def _moment(given: str, city: City) -> datetime:
    try:
        found = datetime.fromisoformat(given)
    except ValueError as error:
        raise InvalidInput("--at", given, "must be a time such as 2026-12-01T00:00") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=city.zone)


def _print_edited(done: draft_edits.Edited, crs: str, as_json: bool, *, preview: bool = False) -> None:
    answer = shape.edited(done, crs, preview=preview)
    if as_json:
        _print(answer.model_dump(mode="json"), as_json)
        return
    print(f"draft {answer.draft}, version {answer.version}{' (nothing is recorded)' if preview else ''}")
    for each in answer.cells.features:
        print(f"  {each.id} {each.properties['name']} ({each.properties['change']})")
    for title, codes in (("ended", answer.ended), ("areas ended", answer.areas_ended)):
        if codes:
            print(f"  {title}: {', '.join(codes)}")
    for area in answer.areas_drawn:
        print(f"  {area.level} {area.code} {area.name}")
    for note in answer.notes:
        print(f"  {note}")


def _print(answer: Any, as_json: bool) -> None:  # noqa: ANN401 - plain data
    if as_json:
        print(json.dumps(answer, ensure_ascii=False, default=str))
        return
    for name, value in answer.items():
        if isinstance(value, list):
            print(f"{name}:{'' if value else ' none'}")
            for each in value:
                print(f"  {json.dumps(each, ensure_ascii=False, default=str)}")
        else:
            print(f"{name}: {value}")
