"""Answers with an entity tag: those that never change, and those that are asked for again soon."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response
from pydantic import BaseModel

NEVER_CHANGES = "public, max-age=31536000, immutable"


def tagged(request: Request, answer: BaseModel, cache_control: str) -> Response:
    """The answer as JSON with the hash of its bytes as entity tag, or 304 to whoever has it already."""
    body = answer.model_dump_json(exclude_unset=True).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": cache_control}
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
