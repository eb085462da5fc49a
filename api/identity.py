"""Who a request comes from: by a key, a provider's token, or a session of the pages; else the public.

All of it is answered from memory, and goes on while the database is away.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from gridmap.coverage.snapshot import Key
from gridmap.errors import NotAllowed, NotIdentified
from gridmap.model import PUBLIC, Actor
from gridmap.sessions import Session
from gridmap.store.keys import key_hash

if TYPE_CHECKING:
    from api.deps import Service

# Where in a request its identity stands once it is known.
IDENTITY = "gridmap.identity"
# What a request with a session must carry to change anything.
CSRF_HEADER = "X-CSRF-Token"

UNKNOWN_KEY = "this key is not known, is revoked or has expired"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who it is, how that is known, until when, and with which key or session."""

    actor: Actor
    how: Literal["public", "key", "token", "session"]
    until: datetime | None = None
    key: Key | None = None
    cookie: str | None = None

    @property
    def csrf_token(self) -> str | None:
        """What shows that a request comes from a page that can read ours; only with a session."""
        return None if self.cookie is None else csrf_token(self.cookie)


STRANGER = Identity(PUBLIC, "public")


def csrf_token(cookie: str) -> str:
    """Bound to one session; it does not lead back to the cookie."""
    return hashlib.sha256(f"gridmap csrf {cookie}".encode()).hexdigest()


async def identify(service: Service, request: HTTPConnection, bearer: str | None) -> Identity:
    """Who a request comes from. NotIdentified for a key or token that does not hold; a session that has ended is
    the public's. NotAllowed for a publishable key on another page than its own, and for a change with a session
    that our own page did not ask for."""
    if bearer is not None:
        found = await _by_bearer(service, request, bearer)
    elif IDENTITY in request.scope:
        found = request.scope[IDENTITY]
    elif "cookie" in request.headers:
        found = await _by_session(service, request)
    else:
        return STRANGER
    request.scope[IDENTITY] = found
    return found


def known_hash(service: Service, request: HTTPConnection) -> str | None:
    """The hash of a request's key, token or session, when memory knows it; None for all others.

    Whether it still holds is not asked: this only tells one who comes often from another.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    comers = service.current.comers
    if scheme.lower() == "bearer":
        sha256 = key_hash(text.strip())
        is_token = service.tokens is not None and service.tokens.known(text.strip()) is not None
        return sha256 if is_token or sha256 in comers.keys else None
    cookie = request.cookies.get(cookie_name(service)) if "cookie" in request.headers else None
    if cookie is None:
        return None
    sha256 = key_hash(cookie)
    return sha256 if sha256 in comers.sessions else None


async def _by_bearer(service: Service, request: HTTPConnection, text: str) -> Identity:
    tokens = service.tokens
    if tokens is not None and text.count(".") == 2:  # our own keys have no dot
        token = tokens.known(text)
        if token is None:
            token = await run_in_threadpool(tokens.check, text)
        return Identity(token.actor, "token", token.until)
    key = find_key(service, text)
    check_page(service, request, key)
    return Identity(key.actor, "key", key.expires_at, key)


def find_key(service: Service, text: str) -> Key:
    """The key of a text; NotIdentified for one that has ended or never was."""
    key = service.current.comers.keys.get(key_hash(text))
    if key is None or (key.expires_at is not None and key.expires_at <= datetime.now(UTC)):
        raise NotIdentified(UNKNOWN_KEY)
    service.uses.key(key.id)
    return key


def check_page(service: Service, request: HTTPConnection, key: Key) -> None:
    """NotAllowed for a publishable key that comes from another page than those of its origins, or ours."""
    if not key.origins or from_own_page(service, request):
        return
    headers = request.headers
    origin = headers.get("origin") or _origin_of(headers.get("referer", ""))
    if origin not in key.origins:
        came = f"this request comes from {origin}" if origin else "this request says none (Origin or Referer)"
        raise NotAllowed(f"this key is for pages of {', '.join(key.origins)}; {came[:200]}")


def from_own_page(service: Service, request: HTTPConnection) -> bool:
    """Whether a browser says that a page of this service asks."""
    origin = request.headers.get("origin")
    if origin is not None:
        return origin == own_origin(service, request)
    return request.headers.get("sec-fetch-site") == "same-origin"


def own_origin(service: Service, request: HTTPConnection) -> str:
    """Where clients reach the service: as the settings say, else as the request does."""
    public = service.settings.public_url
    return _origin_of(public) if public else f"{request.url.scheme}://{request.headers.get('host', '')}"


def _origin_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def cookie_name(service: Service) -> str:
    """The name of the session's cookie, with the strictest promise that browsers keep for where the service is."""
    public = urlsplit(service.settings.public_url)
    if public.scheme != "https":
        return "gridmap"
    return "__Secure-gridmap" if public.path else "__Host-gridmap"


async def _by_session(service: Service, request: HTTPConnection) -> Identity:
    found = await session_of(service, request)
    if found.cookie is not None and request.scope.get("method") not in _SAFE:
        check_asked(service, request, found, request.headers.get(CSRF_HEADER, ""))
    return found


async def session_of(service: Service, request: HTTPConnection) -> Identity:
    """Who is logged in, whatever the request asks for; the public without a session that goes on."""
    cookie = request.cookies.get(cookie_name(service))
    if cookie is None:
        return STRANGER
    sha256, now = key_hash(cookie), datetime.now(UTC)
    comers = service.current.comers
    session = comers.sessions.get(sha256)
    if session is None:
        session = await run_in_threadpool(comers.find_session, sha256)
    actor = None if session is None else _actor_of(service, session, now)
    if session is None or actor is None:
        return STRANGER
    service.uses.session(sha256, now)
    return Identity(actor, "session", session.expires_at, cookie=cookie)


def _actor_of(service: Service, session: Session, now: datetime) -> Actor | None:
    """Whom a session stands for; None when it has ended, was idle for too long, or its key has ended."""
    seen = max(session.seen_at, service.uses.seen(session.sha256) or session.seen_at)
    if now >= min(session.expires_at, seen + service.idle):
        return None
    if session.key_sha256 is None:
        return session.actor
    key = service.current.comers.keys.get(session.key_sha256)
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    return key.actor


def check_asked(service: Service, request: HTTPConnection, identity: Identity, token: str) -> None:
    """NotAllowed unless a page of this service asks, with the token of this session."""
    if not from_own_page(service, request):
        raise NotAllowed("a change with a log-in must be asked for by a page of this service")
    if not hmac.compare_digest((identity.csrf_token or "").encode(), token.encode()):
        raise NotAllowed(f"a change with a log-in needs the header {CSRF_HEADER} with csrf_token of GET /v1/me")
