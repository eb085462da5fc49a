"""Tokens of a provider in a process of its own: those that hold, and all that do not, each told why."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from jwt import PyJWK

from gridmap.errors import NotIdentified, Unavailable
from gridmap.provider import Provider
from gridmap.tokens import Rules, Tokens
from tests.identity_provider import IdentityProvider, identity_provider, spoilt

AUDIENCE = "gridmap-api"
CLAIMS = {"roles": ["planner", "offline_access"], "territories": ["120101", "120102001"]}


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as running:
        running.let_in("u-17", **CLAIMS)
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(provider: IdentityProvider, clock: Clock) -> Tokens:
    return Tokens(Rules(provider.issuer, AUDIENCE), Provider(provider.issuer, 3600.0 * 24, clock))


def test_a_token_stands_for_its_subject_with_one_role(provider: IdentityProvider, tokens: Tokens) -> None:
    text = provider.token("u-17", AUDIENCE)
    assert tokens.known(text) is None
    bearer = tokens.check(text)
    actor = bearer.actor
    assert (actor.id, actor.role, actor.territories) == ("oidc:u-17", "planner", ("120101", "120102001"))
    assert 0 < bearer.until.timestamp() - time.time() <= 3600
    assert tokens.known(text) == bearer, "it is not checked twice"


def refused(tokens: Tokens, text: str) -> str:
    """Why; the token itself is not repeated."""
    with pytest.raises(NotIdentified) as caught:
        tokens.check(text)
    told = str(caught.value)
    assert not any(part in told for part in text.split(".") if len(part) > 8)
    assert caught.value.__cause__ is None
    return told


def test_another_audience_or_issuer_is_refused(provider: IdentityProvider, tokens: Tokens) -> None:
    assert "another audience" in refused(tokens, provider.token("u-17", "another-service"))
    other = Tokens(Rules("https://elsewhere.example", AUDIENCE), tokens.provider)
    assert "another issuer" in refused(other, provider.token("u-17", AUDIENCE))


def unsigned(token: str, algorithm: str, secret: bytes = b"") -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, secret, algorithm=algorithm) if secret else jwt.encode(claims, None, algorithm)


def test_no_signature_and_one_by_the_public_key_are_refused(provider: IdentityProvider, tokens: Tokens) -> None:
    """The two old tricks: ``alg: none``, and HMAC with the public key, which everybody has."""
    good = provider.token("u-17", AUDIENCE)
    tokens.check(good)
    assert "signed in a way that is not taken" in refused(tokens, unsigned(good, "none"))
    assert "signed in a way that is not taken" in refused(tokens, spoilt(good, alg="none").rsplit(".", 1)[0] + ".")
    (key,) = provider.keys()
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = PyJWK.from_dict(key, "RS256").key.public_bytes(encoding, form)
    for secret in (pem, json.dumps(key).encode()):
        head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()).rstrip(b"=")
        signed = head + b"." + good.split(".")[1].encode()
        mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signed, secret)
        forged = b".".join((signed, base64.urlsafe_b64encode(mac).rstrip(b"="))).decode()
        assert "signed in a way that is not taken" in refused(tokens, forged)


def test_a_changed_claim_and_an_unknown_key_are_refused(
    provider: IdentityProvider, tokens: Tokens, clock: Clock
) -> None:
    good = provider.token("u-17", AUDIENCE)
    tokens.check(good)
    clock.now += 60
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "roles": ["publisher"]}).encode()).decode().rstrip("=")
    assert "signature does not hold" in refused(tokens, f"{head}.{forged}.{signature}")
    assert "does not name" in refused(tokens, spoilt(good, kid="nobody's"))
    for text in ("..", "a.b.c", "." * 5, f"{head}.{body}.", f"{head}..{signature}", "x" * 20_000, "é.ü.ö"):
        assert refused(tokens, text)


def test_a_key_that_is_not_known_makes_one_question_in_a_while(
    provider: IdentityProvider, tokens: Tokens, clock: Clock
) -> None:
    good = provider.token("u-17", AUDIENCE)
    tokens.check(good)
    asked: list[float] = []
    described = tokens.provider._describe
    tokens.provider._describe = lambda: asked.append(clock.now) or described()  # type: ignore[method-assign, func-returns-value]
    for _ in range(5):
        refused(tokens, spoilt(good, kid="made up"))
    assert asked == [], "it was asked a moment ago"
    clock.now += 31
    for _ in range(5):
        refused(tokens, spoilt(good, kid="made up"))
    assert len(asked) == 1


def test_tokens_expire_keys_are_rotated_and_go_on_for_a_while_when_the_provider_is_away(
    tokens: Tokens, clock: Clock
) -> None:
    """A second provider, whose tokens live for a second, and whose key changes."""
    with identity_provider("--token-max-age", "1") as provider:
        provider.let_in("u-17", **CLAIMS)
        mine = Tokens(Rules(provider.issuer, AUDIENCE, leeway_s=3600), Provider(provider.issuer, 7200.0, clock))
        old = provider.token("u-17", AUDIENCE)
        assert mine.check(old).actor.role == "planner"
        assert "signature does not hold" in refused(tokens, old)
        time.sleep(1.1)
        exact = Tokens(Rules(provider.issuer, AUDIENCE, leeway_s=0), mine.provider)
        assert "expired" in refused(exact, old)
        provider.stop()
        provider.start()
        provider.let_in("u-17", **CLAIMS)
        new, second, third = (provider.token("u-17", AUDIENCE) for _ in range(3))
        assert "signature does not hold" in refused(mine, new), "the keys were asked for a moment ago"
        clock.now += 31
        assert mine.check(new).actor.role == "planner"
        assert mine.known(old) is None, "what the old key signed is forgotten"
        assert "signature does not hold" in refused(mine, old)
        provider.stop()
        clock.now += 7000
        assert mine.check(second).actor.role == "planner"
        clock.now += 300
        with pytest.raises(Unavailable, match="provider of tokens does not answer"):
            mine.check(third)
        never = Tokens(Rules(provider.issuer, AUDIENCE), Provider(provider.issuer, 7200.0, clock))
        with pytest.raises(Unavailable):
            never.check(new)


def test_a_provider_that_calls_itself_otherwise_is_not_taken(provider: IdentityProvider) -> None:
    """``localhost`` is the same server, and another issuer."""
    issuer = provider.issuer.replace("127.0.0.1", "127.0.0.2")
    tokens = Tokens(Rules(issuer, AUDIENCE), Provider(issuer, 60.0))
    with pytest.raises(Unavailable):
        tokens.check(provider.token("u-17", AUDIENCE))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({}, "exactly one role"),
        ({"roles": []}, "exactly one role"),
        ({"roles": ["king"]}, "exactly one role"),
        ({"roles": ["public"]}, "exactly one role"),
        ({"roles": ["auditor", "system_admin"]}, "exactly one role"),
        ({"roles": 7}, "a text or a list of texts"),
        ({"roles": "planner", "territories": ["*"]}, "codes of areas or cells"),
        ({"roles": "planner", "territories": "120101/../x"}, "codes of areas or cells"),
        ({"roles": "planner", "territories": {"a": 1}}, "a text or a list of texts"),
        ({"roles": "planner", "territories": [f"1{n}" for n in range(201)]}, "codes of areas or cells"),
    ],
)
def test_claims_that_are_not_one_role_over_codes_are_refused(
    provider: IdentityProvider, tokens: Tokens, claims: dict[str, object], reason: str
) -> None:
    provider.let_in("u-18", **claims)
    assert reason in refused(tokens, provider.token("u-18", AUDIENCE))


def test_claims_are_found_where_the_settings_say(provider: IdentityProvider, tokens: Tokens) -> None:
    provider.let_in("u-19", realm_access={"roles": ["grid-planners", "staff"]}, grid="120101 120102")
    rules = Rules(
        provider.issuer,
        AUDIENCE,
        role_claim="realm_access.roles",
        territories_claim="grid",
        roles={"grid-planners": "planner"},
    )
    actor = Tokens(rules, tokens.provider).check(provider.token("u-19", AUDIENCE)).actor
    assert (actor.role, actor.territories) == ("planner", ("120101", "120102"))
    assert "exactly one role" in refused(Tokens(rules, tokens.provider), provider.token("u-17", AUDIENCE))
