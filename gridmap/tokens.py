"""Tokens of an OpenID Connect provider: whether they hold, and whom they stand for. Imports ``provider``."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import jwt
from cachetools import LRUCache
from jwt import PyJWK

from gridmap.errors import NotIdentified
from gridmap.model import ROLES, Actor
from gridmap.provider import Provider

# Signatures by a key pair: whoever can check one cannot make one.
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

# The type of key for each kind of signature.
_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}

# Ids of those who come by the provider begin so; ids of keys' holders have no colon.
OIDC = "oidc:"

_LONGEST, _KEPT = 16_384, 10_000
_REQUIRED = ("exp", "iss", "aud", "sub")
_SUBJECT = re.compile(r"[^\x00-\x20\x7f]{1,200}")
_CODE = re.compile(r"[^\x00-\x1f\x7f/\s*,]{1,64}")
_MOST_TERRITORIES = 200

# What is told of a token that does not hold; the nearest class decides. The token itself is never repeated.
_REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidAudienceError: "the token is made for another audience",
    jwt.InvalidIssuerError: "the token comes from another issuer",
    jwt.InvalidIssuedAtError: "the token's time of issue is no time",
    jwt.InvalidSignatureError: "the token's signature does not hold",
    jwt.InvalidAlgorithmError: "the token is signed in a way that is not taken",
    jwt.MissingRequiredClaimError: "the token lacks one of the claims exp, iss, aud and sub",
}


@dataclass(frozen=True)
class Rules:
    """What a token must be, and where in it role and territories stand."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    role_claim: str = "roles"
    territories_claim: str = "territories"
    roles: Mapping[str, str] = field(default_factory=dict)
    leeway_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token stands for, until when."""

    actor: Actor
    until: datetime


class Tokens:
    """Checks tokens; those that hold are kept by their hash until they end or the provider's keys change."""

    def __init__(self, rules: Rules, provider: Provider) -> None:
        self.rules = rules
        self.provider = provider
        self._lock = threading.Lock()
        self._kept: LRUCache[bytes, Bearer] = LRUCache(_KEPT)
        self._generation: object = provider.generation

    def known(self, text: str) -> Bearer | None:
        """Whom a token that was checked before stands for, without asking anybody; None to have it checked."""
        with self._lock:
            found: Bearer | None = self._following().get(sha256(text.encode()).digest())
        if found is None or found.until.timestamp() + self.rules.leeway_s <= time.time():
            return None
        return found

    def check(self, text: str) -> Bearer:
        """Whom a token stands for. NotIdentified says in words why it does not hold; may ask the provider."""
        found = self.known(text)
        if found is not None:
            return found
        claims = self.claims(text, self.rules.audience)
        bearer = Bearer(self.actor(claims), datetime.fromtimestamp(int(claims["exp"]), UTC))
        with self._lock:
            self._following()[sha256(text.encode()).digest()] = bearer
        return bearer

    def _following(self) -> LRUCache[bytes, Bearer]:
        """What is kept; nothing of what was checked with other keys than the provider names now."""
        if self._generation is not self.provider.generation:
            self._kept.clear()
            self._generation = self.provider.generation
        return self._kept

    def claims(self, text: str, audience: str) -> Mapping[str, Any]:
        """A token's claims, once its signature, issuer, audience and times are seen to hold."""
        if len(text) > _LONGEST:
            raise NotIdentified(f"the token is longer than {_LONGEST:,} characters")
        try:
            header = jwt.get_unverified_header(text)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in self.rules.algorithms or not isinstance(kid, str | None):
                raise jwt.InvalidAlgorithmError
            try:
                return self._decoded(text, self.provider.keys(kid), algorithm, audience)
            except jwt.InvalidSignatureError:
                if kid is not None:
                    raise
                # A token that names no key may be signed by one that is newer than those known.
                return self._decoded(text, self.provider.keys(kid, again=True), algorithm, audience)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise NotIdentified(_reason(error)) from None

    def _decoded(
        self, text: str, keys: Sequence[Mapping[str, Any]], algorithm: str, audience: str
    ) -> Mapping[str, Any]:
        fitting = [key for key in keys if _TYPES[algorithm[:2]] == key.get("kty")]
        for key in fitting:
            with suppress(jwt.InvalidSignatureError):
                claims: Mapping[str, Any] = jwt.decode(
                    text,
                    PyJWK.from_dict(dict(key), algorithm),
                    algorithms=[algorithm],
                    audience=audience,
                    issuer=self.rules.issuer,
                    leeway=self.rules.leeway_s,
                    options={"require": list(_REQUIRED)},
                )
                return claims
        raise jwt.InvalidSignatureError

    def actor(self, claims: Mapping[str, Any]) -> Actor:
        """Whom checked claims stand for: one of our roles, over codes."""
        subject = claims["sub"]
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            raise NotIdentified("the token's subject is no name")
        given = _texts(_within(claims, self.rules.role_claim), self.rules.role_claim)
        ours = {self.rules.roles.get(role) for role in given} if self.rules.roles else set(given)
        roles = sorted(role for role in ours if role in ROLES[1:])
        if len(roles) != 1:
            raise NotIdentified(f"the token's claim {self.rules.role_claim} must name exactly one role of GridMap")
        name = self.rules.territories_claim
        territories = tuple(dict.fromkeys(_texts(_within(claims, name), name)))
        if len(territories) > _MOST_TERRITORIES or not all(map(_CODE.fullmatch, territories)):
            raise NotIdentified(
                f"the token's claim {name} must be at most {_MOST_TERRITORIES} codes of areas or cells"
            )
        return Actor(f"{OIDC}{subject}", roles[0], territories)


def _reason(error: Exception) -> str:
    for each in type(error).__mro__:
        if each in _REASONS:
            return _REASONS[each]
    return "the token cannot be read"


def _within(claims: Mapping[str, Any], path: str) -> object:
    """The claim at a path with dots, which may also be a name with dots."""
    if path in claims:
        return claims[path]
    found: object = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _texts(value: object, name: str) -> list[str]:
    """A text, texts parted by blanks, or a list of texts."""
    if value is None:
        return []
    if isinstance(value, str):
        return value.split()
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise NotIdentified(f"the token's claim {name} must be a text or a list of texts")
