"""From the domain's nouns to the shapes of answers: pure, no database, no request."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from api.schemas.coverage import (
    AreaOut,
    CandidateOut,
    CellOut,
    CoverageOut,
    Degraded,
    DepartmentOut,
    DeskOut,
    OverlayOut,
    OverlayPostOut,
    PointOut,
    RungOut,
    TurnOut,
    UpcomingOut,
)
from api.schemas.duty import PostOut, ShiftOut
from gridmap.coverage.answer import Answer, Candidate
from gridmap.coverage.upcoming import Next
from gridmap.current import State
from gridmap.duty import DutyBook, Liaison, Rung, Turn
from gridmap.model import Area, Cell, City, Post, Shift


def degraded(state: State) -> Degraded | None:
    """What an answer says of a database that is gone."""
    if state.gone_since is None or state.snapshot is None:
        return None
    return Degraded(since=state.gone_since, data_as_of=state.snapshot.taken_at)


def coverage(
    answer: Answer, point: PointOut, city: City, state: State, book: DutyBook, following: Next | None = None
) -> CoverageOut:
    """The coverage answer of the contract; ``following``: what the place awaits."""
    where = answer.where
    return CoverageOut(
        id=str(uuid4()),
        revision=where.revision.number,
        as_of=answer.at.astimezone(city.zone),
        degraded=degraded(state),
        status="outside" if where.cell is None else "covered",
        point=point,
        cell=None if where.cell is None else cell(where.cell),
        areas=areas(where.areas),
        overlays=[
            OverlayOut(
                code=overlay.code,
                name=overlay.name,
                kind=overlay.kind,
                posts=[overlay_post(post, answer, book) for post in posts],
            )
            for overlay, posts in answer.overlay_posts
        ],
        how=where.how,  # type: ignore[arg-type]
        edge_distance_m=where.edge_distance_m,
        ambiguous=where.ambiguous,
        candidates=[candidate(one) for one in where.candidates],
        nearest=None if where.nearest is None else candidate(where.nearest),
        on_duty=turns(answer.on_duty, city),
        ladder=rungs(answer.ladder),
        desks=[
            DeskOut(cells=list(each.cells), distance_m=each.distance_m, desk=rungs([each.rung])[0])
            for each in answer.desks
        ],
        departments=departments(answer.departments),
        emergency=list(city.emergency),
        upcoming=None
        if following is None
        else UpcomingOut(
            revision=following.revision, from_=following.begins.astimezone(city.zone), cell=following.cell
        ),
    )


def overlay_post(post: Post, answer: Answer, book: DutyBook) -> OverlayPostOut:
    """A post of an overlay with who holds it at the time of the answer."""
    holders = [
        turn.holder for turn in book.on_duty([(post.level, post.territory)], answer.at) if turn.post == post
    ]
    return OverlayPostOut(
        kind=post.kind, title=post.title, phone=post.phone, holder=holders[0] if holders else None
    )


def cell(cell: Cell) -> CellOut:
    """A cell as the public sees it."""
    return CellOut(code=cell.code, name=cell.name, kind=cell.kind, services=list(cell.services))


def areas(chain: Iterable[Area]) -> list[AreaOut]:
    """The chain of areas."""
    return [AreaOut(level=area.level, code=area.code, name=area.name) for area in chain]


def candidate(one: Candidate) -> CandidateOut:
    """A candidate cell."""
    return CandidateOut(code=one.code, distance_m=one.distance_m)


def turns(found: Iterable[Turn], city: City) -> list[TurnOut]:
    """Who is on duty, in the city's time."""
    return [
        TurnOut(
            post=turn.post.code,
            kind=turn.post.kind,
            level=turn.post.level,
            title=turn.post.title,
            holder=turn.holder,
            phone=turn.post.phone,
            from_=turn.begins.astimezone(city.zone),
            until=turn.ends.astimezone(city.zone),
            backup=None if turn.backup is None else {"holder": turn.backup},
            stands_in_for=turn.stands_in_for,
            verified_at=turn.verified_at,
            stale=turn.stale,
        )
        for turn in found
    ]


def rungs(ladder: Iterable[Rung]) -> list[RungOut]:
    """The ladder."""
    return [
        RungOut(
            level=rung.level,
            kind=rung.kind,
            title=rung.title,
            phone=rung.phone,
            holder=rung.holder,
            post=rung.post,
            assumed=rung.assumed,
        )
        for rung in ladder
    ]


def departments(found: Iterable[Liaison]) -> list[DepartmentOut]:
    """The departments for a category."""
    return [
        DepartmentOut(
            department=liaison.post.department or liaison.post.title,
            title=liaison.post.title,
            phone=liaison.post.phone,
            categories=list(liaison.post.categories),
            holder=liaison.holder,
            level=liaison.post.level,
        )
        for liaison in found
    ]


def post(post: Post) -> PostOut:
    """A post."""
    return PostOut(
        code=post.code,
        kind=post.kind,
        title=post.title,
        level=post.level,
        territory=post.territory,
        phone=post.phone,
        required="; ".join(map(str, post.required)),
        department=post.department,
        categories=list(post.categories),
    )


def shift(shift: Shift, holder: str, backup: str | None, shift_id: int | None = None) -> ShiftOut:
    """A weekly rule with display names."""
    return ShiftOut(
        id=shift_id,
        post=shift.post,
        holder=holder,
        backup=backup,
        hours=str(shift.hours),
        valid_from=shift.valid_from,
        valid_until=shift.valid_until,
        verified_at=shift.verified_at,
    )
