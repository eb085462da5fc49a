"""Logging in to the pages and out again: with a key, or at the city's provider (code, PKCE, state, nonce)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool

from api.deps import Service, ServiceDep
from api.errors import problem_responses
from api.identity import (
    CSRF_HEADER,
    check_asked,
    cookie_name,
    find_key,
    from_own_page,
    own_origin,
    session_of,
)
from gridmap.actions.sessions import close_session, open_session
from gridmap.errors import InvalidInput, NotAllowed, NotFound, NotIdentified
from gridmap.model import Actor
from gridmap.tokens import Tokens

router = APIRouter(tags=["pages"], responses=problem_responses(422, 503))

_FORM = "application/x-www-form-urlencoded"
_LONGEST_FORM = 16_384
_ATTEMPT_S = 600
_LOCAL = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]{0,1000}")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}
_NEXT = Query(max_length=1000, description="the page to go to afterwards, a path of this service")

_NO_KEY = ("这个密钥无效、已撤销或已过期。", "This key is not known, is revoked or has expired.")
_PUBLISHABLE = ("可公开的密钥（pk_）不能用于登录。", "A publishable key (pk_) is not for logging in.")
_AGAIN = ("登录已中断或已过期，请重新开始。", "This log-in was broken off or took too long: begin again.")
_REFUSED = ("身份提供方未允许登录。", "The city's provider does not let you in.")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; InvalidInput for another body or one that is too long."""
    kind = request.headers.get("content-type", _FORM).split(";")[0].strip()
    if kind != _FORM:
        raise InvalidInput("Content-Type", kind, f"must be {_FORM}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise InvalidInput("body", f"{len(body)} bytes", f"must be at most {_LONGEST_FORM} bytes")
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=10))
    except ValueError as error:
        raise InvalidInput("body", "…", "must be the fields of a form") from error


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("api"), autoescape=True, undefined=StrictUndefined)


@router.get("/login", response_class=HTMLResponse, responses=_PAGE)
async def get_login(request: Request, service: ServiceDep, next: Annotated[str, _NEXT] = "") -> HTMLResponse:
    """The page to log in and out, in Chinese and English; it runs nothing and loads nothing from elsewhere."""
    identity = await session_of(service, request)
    actor = identity.actor if identity.cookie is not None else None
    return _page(request, service, next, actor=actor, csrf=identity.csrf_token)


@router.post("/login", include_in_schema=False)
async def post_login(
    request: Request, service: ServiceDep, form: Annotated[dict[str, str], Depends(form_of)]
) -> Response:
    """Begin a session with a key."""
    _check_own_page(service, request)
    wanted = form.get("next", "")
    try:
        key = find_key(service, form.get("key", "").strip())
    except NotIdentified:
        return _page(request, service, wanted, problem=_NO_KEY)
    if key.origins:
        return _page(request, service, wanted, problem=_PUBLISHABLE)
    return await run_in_threadpool(_begin, request, service, key.actor, wanted, key.id, key.expires_at)


@router.post("/logout", include_in_schema=False)
async def post_logout(
    request: Request, service: ServiceDep, form: Annotated[dict[str, str], Depends(form_of)]
) -> Response:
    """End the session."""
    identity = await session_of(service, request)
    if identity.cookie is not None:
        check_asked(service, request, identity, request.headers.get(CSRF_HEADER) or form.get("csrf", ""))
        await run_in_threadpool(close_session, service.database, identity.cookie)
    response = RedirectResponse(f"{_root(request)}/login", 303, _HEADERS)
    response.delete_cookie(cookie_name(service), **_cookie(request, service))
    return response


@router.get("/login/provider", include_in_schema=False)
def get_provider(request: Request, service: ServiceDep, next: Annotated[str, _NEXT] = "") -> Response:
    """On to the provider; a cookie of ten minutes knows what it must come back with."""
    tokens = _provider(service)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": service.settings.oidc_client_id,
        "redirect_uri": _back(request, service),
        "scope": "openid",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    address = tokens.provider.description().authorization
    joint = "&" if urlsplit(address).query else "?"
    response = RedirectResponse(f"{address}{joint}{urlencode(query)}", 303, _HEADERS)
    wanted = base64.urlsafe_b64encode(_local(request, next).encode()).decode()
    value = ".".join((state, nonce, verifier, wanted))
    response.set_cookie(_attempt(service), value, max_age=_ATTEMPT_S, **_cookie(request, service))
    return response


@router.get("/login/callback", include_in_schema=False)
def get_callback(
    request: Request,
    service: ServiceDep,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """Back from the provider: the code is exchanged for a token, and that for a session."""
    tokens = _provider(service)
    parts = request.cookies.get(_attempt(service), "").split(".")
    if len(parts) != 4 or not hmac.compare_digest(parts[0].encode(), state.encode()):
        return _page(request, service, "", problem=_AGAIN)
    _, nonce, verifier, wanted = parts
    if not code or iss not in (None, tokens.rules.issuer):
        return _page(request, service, "", problem=_REFUSED)
    client = service.settings.oidc_client_id
    try:
        token = tokens.provider.exchange(code, verifier, _back(request, service), client, service.oidc_secret)
        claims = tokens.claims(token, client)
        if claims.get("nonce") != nonce:
            raise NotIdentified("the token was made for another log-in")
        actor = tokens.actor(claims)
    except NotIdentified as error:
        return _page(request, service, "", problem=(_REFUSED[0], f"{_REFUSED[1]} ({error})"))
    back = base64.urlsafe_b64decode(wanted.encode() + b"==").decode(errors="replace")
    response = _begin(request, service, actor, back, None, None)
    response.delete_cookie(_attempt(service), **_cookie(request, service))
    return response


def _begin(
    request: Request, service: Service, actor: Actor, wanted: str, key_id: str | None, ends: datetime | None
) -> Response:
    """A new session in place of the one that the browser has."""
    lasts = datetime.now(UTC) + timedelta(hours=service.settings.session_hours)
    before = request.cookies.get(cookie_name(service))
    cookie = open_session(service.database, actor, lasts if ends is None else min(ends, lasts), key_id, before)
    response = RedirectResponse(_local(request, wanted), 303, _HEADERS)
    # No age: it goes when the browser is closed, and ends on the server at the latest.
    response.set_cookie(cookie_name(service), cookie, **_cookie(request, service))
    return response


def _check_own_page(service: Service, request: Request) -> None:
    if not from_own_page(service, request):
        raise NotAllowed("a log-in must be asked for by the page of this service")


def _page(
    request: Request,
    service: Service,
    wanted: str,
    problem: tuple[str, str] | None = None,
    actor: Actor | None = None,
    csrf: str | None = None,
) -> HTMLResponse:
    html = _templates().get_template("login.html").render(
        problem=problem,
        actor=actor,
        csrf=csrf,
        next=_local(request, wanted),
        provider=service.tokens is not None and bool(service.settings.oidc_client_id),
    )  # fmt: skip
    return HTMLResponse(html, 200 if problem is None else 401, _HEADERS)


def _provider(service: Service) -> Tokens:
    if service.tokens is None or not service.settings.oidc_client_id:
        raise NotFound("no provider is set to log in at: GRIDMAP_OIDC_ISSUER and GRIDMAP_OIDC_CLIENT_ID")
    return service.tokens


def _root(request: Request) -> str:
    """The path under which clients reach the service."""
    root: str = request.scope.get("root_path", "")
    return root


def _local(request: Request, wanted: str) -> str:
    """A path of this service; its first page in place of anything else."""
    root = _root(request)
    return wanted if _LOCAL.fullmatch(wanted) and wanted.startswith(f"{root}/") else f"{root}/"


def _back(request: Request, service: Service) -> str:
    return f"{own_origin(service, request)}{_root(request)}/login/callback"


def _attempt(service: Service) -> str:
    """The cookie of a log-in under way."""
    return f"{cookie_name(service)}-login"


def _cookie(request: Request, service: Service) -> dict[str, Any]:
    secure = service.settings.public_url.startswith("https://")
    return {"path": _root(request) or "/", "secure": secure, "httponly": True, "samesite": "lax"}
