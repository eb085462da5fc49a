"""``gridmap audit``: the trace, held against its hashes and searched; ``gridmap explain``: why this desk."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from gridmap import explained
from gridmap.access import AUDITOR, OPERATOR
from gridmap.actions.audit import audit_head, prune_audit, search_audit, verify_audit
from gridmap.audit.anchors import line_of, read_anchors
from gridmap.cli.environment import check_migrated, open_database, say, trail_of
from gridmap.errors import NotFound
from gridmap.settings import read_settings
from gridmap.store.audit import Found, Sought
from gridmap.trail import seal_now

app = typer.Typer(help="Verify and search the trace of who did what.", no_args_is_help=True)

CityOption = Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")]
JsonOption = Annotated[bool, typer.Option("--json", help="print the result for machines")]


@app.command()
def head(city: CityOption = None) -> None:
    """Print the newest batch: number, last entry, hash, when it was sealed. Write it down elsewhere."""
    settings = read_settings(city=city)
    with open_database(settings) as database:
        check_migrated(database)
        seal_now(database, trail_of(database, settings), say)
        found = audit_head(database, AUDITOR)
    if found is None:
        raise NotFound("the chain is empty")
    print(line_of(found))


@app.command()
def verify(city: CityOption = None, as_json: JsonOption = False) -> None:
    """Recompute the chain and hold it against the anchors; name what is changed, missing, inserted or moved."""
    settings = read_settings(city=city)
    with open_database(settings) as database:
        check_migrated(database)
        anchors = read_anchors(
            trail_of(database, settings)
        )  # those of before: what is sealed now would be anchored as it is
        checked = verify_audit(database, AUDITOR, anchors)
    if as_json:
        print(json.dumps(dataclasses.asdict(checked)))
    else:
        print(
            f"{checked.entries:,} entries in {checked.batches:,} batches, {checked.anchors:,} anchors, "
            f"{checked.forgotten:,} details forgotten"
        )
        for finding in checked.findings:
            print(f"{finding.what}: {finding.where}: {finding.why}")
    if checked.findings:
        raise typer.Exit(1)


@app.command()
def search(
    since: Annotated[datetime | None, typer.Option(help="done at this time (UTC) or later")] = None,
    until: Annotated[datetime | None, typer.Option(help="done before this time (UTC)")] = None,
    actor: Annotated[str | None, typer.Option(help="id of the key or user who did it")] = None,
    action: Annotated[str | None, typer.Option(help="what was done, such as save_post")] = None,
    ref: Annotated[str | None, typer.Option(help="a person's reference that was listed")] = None,
    most: Annotated[int, typer.Option(help="how many entries", min=1, max=100_000)] = 100,
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """List entries, the newest first. That they were read is an entry itself."""
    settings = read_settings(city=city)
    with open_database(settings) as database:
        check_migrated(database)
        seal_now(database, trail_of(database, settings), say)
        begins, ends = (None if each is None else each.replace(tzinfo=UTC) for each in (since, until))
        sought = Sought(begins, ends, actor, action, ref, most=most)
        found = search_audit(database, AUDITOR, sought)
    if as_json:
        print(json.dumps([{"seq": each.seq, **each.body, "details": each.details} for each in found]))
    else:
        print("\n".join(map(_line, found)) or "no such entry")


@app.command()
def prune(city: CityOption = None, as_json: JsonOption = False) -> None:
    """Remove kept answers and addresses that are older than the settings say; the chain stays valid."""
    settings = read_settings(city=city)
    with open_database(settings) as database:
        check_migrated(database)
        origins, answers = prune_audit(
            database, OPERATOR, datetime.now(UTC), settings.origin_days, settings.answer_days
        )
    if as_json:
        print(json.dumps({"origins": origins, "answers": answers}))
    else:
        print(f"{origins:,} addresses and {answers:,} answers removed")


def explain(
    answer: Annotated[str, typer.Argument(help="the id of a coverage answer that staff was given")],
    city: CityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why a desk was called: what was answered and recorded then, beside what is known now."""
    settings = read_settings(city=city)
    with open_database(settings) as database:
        check_migrated(database)
        seal_now(database, trail_of(database, settings), say)
        found = explained.explain(database, AUDITOR, answer)
    if as_json:
        print(json.dumps(dataclasses.asdict(found), ensure_ascii=False, default=str))
        return
    print(f"{found.kept.id} at {found.kept.at.isoformat()} to {found.kept.by}")
    print(found.why_en)
    print(found.why_zh)
    for name, side in (("answered", found.answered), ("recorded then", found.recorded), ("known now", found.now)):
        print(f"{name}:")
        if side is None:
            print("  no grid")
            continue
        print(f"  revision {side.revision}, cell {side.cell or 'none'}")
        for rung in side.ladder:
            print(f"  {rung.level} {rung.title} {rung.phone} {rung.holder or '-'}")
    for each in found.differences:
        print(f"differs, {each.between}: {each.what}")


def _line(found: Found) -> str:
    body = found.body
    changes = [
        f"{each['did']} {each['table']}" + (f" ×{each['rows']}" if "rows" in each else "")
        for each in body.get("changes", ())
    ]
    read = body.get("read")
    what = [*changes, *([] if read is None else [f"read {read['what']} ×{read.get('rows', 1)}"])]
    what += [f"for {body['purpose']}"] if "purpose" in body else []
    what += [f"refused: {body['refused']}"] if "refused" in body else []
    what += [f"from {origin}" for origin in found.details.get("from", ())]
    who = f"{body['actor']} ({body['role']})"
    return f"{found.seq} {body['at']} {who} {body.get('action', 'database')} {'; '.join(what)}"
