"""Keys: given out, listed, and revoked. For key admins, in their territories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.deps import CODE_PATTERN, ActorDep, ServiceDep, city_time
from api.errors import problem_responses
from api.schemas.keys import KeyGiven, KeyIn, KeyOut, KeysOut
from gridmap.actions.keys import give_key, list_keys, revoke_key
from gridmap.model import Actor

router = APIRouter(prefix="/v1/keys", tags=["keys"], responses=problem_responses(401, 403, 422, 503))

KeyPath = Annotated[str, Path(pattern=CODE_PATTERN, max_length=100, description="a key's id, not its text")]


@router.get("", response_model=KeysOut)
def get_keys(service: ServiceDep, actor: ActorDep, response: Response) -> KeysOut:
    """The keys that you could give out, the newest first; never their texts."""
    response.headers["Cache-Control"] = "no-store"
    return KeysOut(keys=[KeyOut.model_validate(key.fields()) for key in list_keys(service.database, actor)])


@router.post("", response_model=KeyGiven, status_code=201, responses=problem_responses(400, 409))
def post_keys(service: ServiceDep, actor: ActorDep, body: KeyIn, response: Response) -> KeyGiven:
    """Give out a key. Its text is in this answer and nowhere else."""
    response.headers["Cache-Control"] = "no-store"
    holder = Actor(body.holder, body.role, tuple(body.territories), tuple(body.scopes))
    ends = body.expires_at
    if ends is not None:
        ends = city_time("expires_at", ends, service.state.ready.city)
    record, text = give_key(service.database, actor, holder, body.label, ends, body.origins)
    return KeyGiven.model_validate({**record.fields(), "key": text})


@router.post("/{key_id}/revoke", response_model=KeyOut, responses=problem_responses(404))
def post_revoke(service: ServiceDep, actor: ActorDep, key_id: KeyPath) -> KeyOut:
    """End a key now, and the log-ins that were begun with it; all workers know within a second."""
    return KeyOut.model_validate(revoke_key(service.database, actor, key_id).fields())
