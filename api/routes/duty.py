"""Posts, shifts and exceptions: read by everybody, written with a key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from api import shape
from api.deps import LARGEST_REVISION, ActorDep, CodeQuery, ServiceDep, city_time
from api.errors import problem_responses
from api.schemas.duty import (
    ExceptionIn,
    ExceptionsOut,
    HolderIn,
    KnownException,
    KnownShift,
    PostIn,
    PostSaved,
    PostsOut,
    SavedIds,
    ShiftIn,
    ShiftsOut,
)
from gridmap.access import Action, may_at
from gridmap.actions.duty import (
    end_shift,
    list_exceptions,
    save_exceptions,
    save_post,
    save_shifts,
    withdraw_exception,
)
from gridmap.errors import InvalidInput
from gridmap.model import PUBLIC, Holder, Post, Shift, ShiftException, WeeklyHours
from gridmap.store.audit import note
from gridmap.store.city import read_city
from gridmap.store.duty import holder_names, list_posts, read_post, read_shift_ids
from gridmap.store.places import territory_chain
from gridmap.turns import settled

router = APIRouter(prefix="/v1", tags=["duty"], responses=problem_responses(422, 503))

PostQuery = Annotated[str, Query(pattern=r"^[^\x00-\x1f\x7f/\s]{1,64}$")]

_PAGE = 1000
_WRITE = problem_responses(400, 401, 403, 404, 409)


@router.get("/posts", response_model=PostsOut)
def get_posts(
    service: ServiceDep,
    territory: CodeQuery = None,
    level: CodeQuery = None,
    kind: CodeQuery = None,
    after: Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f\x7f/\s]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = _PAGE,
) -> PostsOut:
    """Posts valid now, by code, beginning after one; ``next`` is the code to go on after."""
    with service.database.begin(PUBLIC) as connection:
        posts = list_posts(
            connection,
            datetime.now(UTC),
            level=level,
            territories=None if territory is None else [territory],
            kind=kind,
            after=after,
            limit=limit + 1,
        )
    following = posts[limit - 1].code if len(posts) > limit else None
    return PostsOut(posts=[shape.post(post) for post in posts[:limit]], next=following)


@router.post("/posts", response_model=PostSaved, status_code=201, responses=_WRITE)
def post_posts(service: ServiceDep, actor: ActorDep, body: PostIn) -> PostSaved:
    """Create a post, or change the one with its code from now on."""
    post = Post(
        code=body.code,
        kind=body.kind,
        title=body.title,
        level=body.level,
        territory=body.territory,
        phone=body.phone,
        required=WeeklyHours.parse(body.required) if body.required else (),
        department=body.department,
        categories=tuple(body.categories),
    )
    replaced = save_post(service.database, actor, post)
    service.current.refresh()
    return PostSaved(code=post.code, replaced=replaced)


@router.get("/shifts", response_model=ShiftsOut, responses=problem_responses(404))
def get_shifts(
    service: ServiceDep,
    actor: ActorDep,
    post: PostQuery,
    response: Response,
) -> ShiftsOut:
    """The weekly rules of a post that are known now; for whoever may write them with their holders' codes."""
    with service.database.begin(actor) as connection:
        found = read_post(connection, post, datetime.now(UTC))
        places = territory_chain(connection, found.level, found.territory)
        writes = may_at(actor, Action.WRITE_DUTY, places)
        rules = read_shift_ids(connection, post)
        names = holder_names(
            connection, {name for _, rule in rules for name in (rule.holder, rule.backup) if name}
        )
        if writes:
            note(connection, {"read": {"what": "shifts", "post": post, "rows": len(rules)}, "codes": places})
    shifts = [
        KnownShift(
            **shape.shift(
                rule, names[rule.holder], names[rule.backup] if rule.backup else None, shift_id
            ).model_dump(),
            holder_code=rule.holder if writes else None,
            backup_code=rule.backup if writes else None,
        )
        for shift_id, rule in rules
    ]
    if writes:
        response.headers["Cache-Control"] = "private, no-store"
    return ShiftsOut(post=post, shifts=shifts)


@router.post("/shifts", response_model=SavedIds, status_code=201, responses=_WRITE)
def post_shifts(service: ServiceDep, actor: ActorDep, body: ShiftIn) -> SavedIds:
    """Record a weekly rule; hours of several parts become several rules. It counts as verified now."""
    if body.valid_until is not None and body.valid_until < body.valid_from:
        raise InvalidInput("valid_until", body.valid_until.isoformat(), "must not be before valid_from")
    holders = _holders(holder=body.holder, backup=body.backup)
    shifts = [
        Shift(
            post=body.post,
            holder=body.holder.code,
            hours=hours,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
            backup=body.backup.code if body.backup else None,
            verified_at=datetime.now(UTC),
        )
        for hours in WeeklyHours.parse(body.hours)
    ]
    ids = save_shifts(service.database, actor, shifts, holders)
    service.current.refresh()
    return SavedIds(ids=ids)


@router.delete("/shifts/{shift_id}", status_code=204, responses=_WRITE)
def delete_shift(
    service: ServiceDep, actor: ActorDep, shift_id: Annotated[int, Path(ge=1, le=LARGEST_REVISION)]
) -> Response:
    """End a weekly rule now; what it was stays known."""
    end_shift(service.database, actor, shift_id)
    service.current.refresh()
    return Response(status_code=204)


@router.get("/shift-exceptions", response_model=ExceptionsOut, responses=problem_responses(401, 403, 404))
def get_exceptions(service: ServiceDep, actor: ActorDep, post: PostQuery, response: Response) -> ExceptionsOut:
    """The exceptions of a post that are known now and not over: for whoever may write its shifts."""
    found, exceptions, names = list_exceptions(service.database, actor, post)
    zone = service.state.ready.city.zone
    response.headers["Cache-Control"] = "private, no-store"
    return ExceptionsOut(
        post=found.code,
        exceptions=[
            KnownException(
                id=exception_id,
                kind=each.kind,
                begins=each.begins.astimezone(zone),
                ends=each.ends.astimezone(zone),
                holder=names[each.holder] if each.holder else None,
                holder_code=each.holder,
                substitute=names[each.substitute] if each.substitute else None,
                substitute_code=each.substitute,
                verified_at=each.verified_at,
            )
            for exception_id, each in exceptions
        ],
    )


@router.delete("/shift-exceptions/{exception_id}", status_code=204, responses=_WRITE)
def delete_exception(
    service: ServiceDep, actor: ActorDep, exception_id: Annotated[int, Path(ge=1, le=LARGEST_REVISION)]
) -> Response:
    """Withdraw an exception now, so that the weekly rules hold again; what it was stays known."""
    withdraw_exception(service.database, actor, exception_id)
    service.current.refresh()
    return Response(status_code=204)


@router.post("/shift-exceptions", response_model=SavedIds, status_code=201, responses=_WRITE)
def post_exceptions(service: ServiceDep, actor: ActorDep, body: ExceptionIn) -> SavedIds:
    """Record leave, a swap or an extra turn. It counts as verified now."""
    with service.database.begin(PUBLIC) as connection:
        city = read_city(connection)
    exception = settled(
        ShiftException(
            post=body.post,
            kind=body.kind,
            begins=city_time("begins", body.begins, city),
            ends=city_time("ends", body.ends, city),
            holder=body.holder.code if body.holder else None,
            substitute=body.substitute.code if body.substitute else None,
            verified_at=datetime.now(UTC),
        )
    )
    holders = _holders(holder=body.holder, substitute=body.substitute)
    ids = save_exceptions(service.database, actor, [exception], holders)
    service.current.refresh()
    return SavedIds(ids=ids)


def _holders(**given: HolderIn | None) -> list[Holder]:
    """The holders that a body names; InvalidInput when two of them are one."""
    holders: dict[str, Holder] = {}
    for field, each in given.items():
        if each is not None and each.code in holders:
            raise InvalidInput(f"{field}.code", each.code, "must be another holder's")
        if each is not None:
            holders[each.code] = Holder(each.code, each.display_name)
    return list(holders.values())
