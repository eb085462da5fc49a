"""An OpenID Connect provider: its description, its keys, and codes exchanged for tokens. Imports ``errors``.

Its address comes from the settings, never from a token or a request; every other address from its own description.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from gridmap.errors import NotIdentified, Unavailable

logger = logging.getLogger(__name__)

_TIMEOUT_S = 3.0
_MOST_BYTES = 1 << 20
# Keys are asked for again when they are this old, and at most so often, whatever tokens name.
_FRESH_S, _AGAIN_S = 3600.0, 30.0
# What signs by a key pair; a secret that both sides know is never taken for a key.
_KEY_TYPES = ("RSA", "EC", "OKP")


@dataclass(frozen=True, slots=True)
class Description:
    """The provider's addresses, as it tells them."""

    keys: str
    authorization: str
    token: str


class Provider:
    """One provider. Its keys are kept, and asked for again when they are old or a token names another."""

    def __init__(self, issuer: str, stale_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._stale_s = stale_s
        self._clock = clock
        self._lock = threading.Lock()
        self._described: Description | None = None
        self._keys: dict[str, Mapping[str, Any]] = {}
        self._read_at = self._tried_at = -float("inf")

    @property
    def generation(self) -> object:
        """Another object whenever the keys are others."""
        return self._keys

    def keys(self, kid: str | None, *, again: bool = False) -> Sequence[Mapping[str, Any]]:
        """The public key of a name; all of them for a token that names none.

        With ``again`` they are asked for anew if the last time is long enough ago. NotIdentified for a name that
        the provider does not know, Unavailable when no keys are known or they are too old.
        """
        known = bool(self._keys) if kid is None else kid in self._keys
        if again or not known or self._clock() > self._read_at + _FRESH_S:
            self._read_again(wait=again or not known)
        keys = self._keys
        if not keys or self._clock() > self._read_at + self._stale_s:
            raise Unavailable("the provider of tokens does not answer, and its keys are not known or too old")
        if kid is None:
            return list(keys.values())
        if kid not in keys:
            raise NotIdentified("the token is signed by a key that its provider does not name")
        return [keys[kid]]

    def description(self) -> Description:
        """The provider's addresses. Unavailable without it."""
        if self._described is None:
            self._described = self._describe()
        return self._described

    def exchange(self, code: str, verifier: str, back: str, client: str, secret: str) -> str:
        """The ID token for a code. NotIdentified when the provider refuses it, Unavailable when it is away."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        headers = {"Accept": "application/json"}
        if secret:
            pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = client
        answer = self._ask(self.description().token, urlencode(form).encode(), headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotIdentified("the provider gave no ID token")
        return token

    def _read_again(self, *, wait: bool) -> None:
        """Ask for the keys, if the last time is long enough ago; who need not wait goes on with those known."""
        if not self._lock.acquire(blocking=wait):
            return
        try:
            now = self._clock()
            if now < self._tried_at + _AGAIN_S:
                return
            self._tried_at = now
            described = self._describe()
            found = _usable(self._ask(described.keys).get("keys"))
            if found != self._keys:
                self._keys = found
            self._described, self._read_at = described, now
        except Unavailable as error:
            logger.warning("%s; its keys that are known go on for a while", error)
        finally:
            self._lock.release()

    def _describe(self) -> Description:
        answer = self._ask(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if answer.get("issuer") != self.issuer:
            raise Unavailable("the provider of tokens calls itself otherwise than GRIDMAP_OIDC_ISSUER does")
        names = ("jwks_uri", "authorization_endpoint", "token_endpoint")
        return Description(*(self._checked(answer.get(name)) for name in names))

    def _checked(self, address: object) -> str:
        """An address that the provider told; http only where the provider itself is on loopback."""
        parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
        near = is_loopback(parts.hostname) and is_loopback(urlsplit(self.issuer).hostname)
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and near)):
            raise Unavailable("the provider of tokens tells an address that is not https")
        return parts.geturl()

    def _ask(
        self, address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        request = Request(address, body, {"Accept": "application/json", **(headers or {})})  # noqa: S310 (checked)
        proxies = [ProxyHandler({})] if is_loopback(urlsplit(address).hostname) else []
        try:
            with build_opener(_NoRedirects, *proxies).open(request, timeout=_TIMEOUT_S) as response:
                answer = json.loads(response.read(_MOST_BYTES))
        except HTTPError as error:
            if body is not None and 400 <= error.code < 500:
                raise NotIdentified("the provider of tokens refuses this log-in; begin again") from error
            raise Unavailable(f"the provider of tokens answers {error.code}") from error
        except (OSError, ValueError) as error:
            raise Unavailable("the provider of tokens does not answer") from error
        if not isinstance(answer, dict):
            raise Unavailable("the provider of tokens answers something else than it should")
        return answer


def _usable(keys: object) -> dict[str, Mapping[str, Any]]:
    """By its name each key that signs by a key pair."""
    return {
        str(key.get("kid", "")): key
        for key in (keys if isinstance(keys, list) else [])
        if isinstance(key, dict) and key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"
    }


class _NoRedirects(HTTPRedirectHandler):
    """Leads nowhere: what a redirect names was not checked."""

    def redirect_request(self, *_: object) -> None:
        """None: the redirect is an error."""


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
