"""An OpenID Connect provider that is not ours, in a process of its own; it is stopped and begun again at will.

Each time it begins it has another key pair, which is how a provider's keys come to be rotated.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from gridmap.cli.server import free_port

BACK = "http://127.0.0.1:1/login/callback"


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """A redirect is an answer to look at."""


class IdentityProvider:
    """One provider at one address."""

    def __init__(self, *options: str) -> None:
        self.port = free_port("127.0.0.1", 19_400)
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, and wait until it answers."""
        command = Path(sys.executable).with_name("oidc-provider-mock")
        self._process = subprocess.Popen(
            [command, "--port", str(self.port), *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while True:
            try:
                self._ask("/.well-known/openid-configuration")
            except URLError:
                assert time.monotonic() < until, "the provider does not begin"
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """End it; its address stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def let_in(self, subject: str, **claims: object) -> None:
        """Make an account with claims."""
        self._ask(f"/users/{subject}", json.dumps(claims).encode(), "PUT", "application/json")

    def approve(self, address: str, subject: str) -> str:
        """Log in there as a browser would; the address that it is sent back to."""
        parts = urlsplit(address)
        form = urlencode({"sub": subject}).encode()
        status, headers, _ = self._ask(f"{parts.path}?{parts.query}", form)
        assert status == 302, status
        return str(headers["location"])

    def token(self, subject: str, audience: str) -> str:
        """An ID token for a client, by the code flow."""
        query = {"response_type": "code", "client_id": audience, "redirect_uri": BACK, "scope": "openid"}
        back = self.approve(f"/oauth2/authorize?{urlencode({**query, 'state': 's', 'nonce': 'n'})}", subject)
        code = parse_qs(urlsplit(back).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        form |= {"client_id": audience, "client_secret": "any"}
        _, _, body = self._ask("/oauth2/token", urlencode(form).encode())
        return str(json.loads(body)["id_token"])

    def keys(self) -> list[dict[str, Any]]:
        """Its public keys."""
        found: list[dict[str, Any]] = json.loads(self._ask("/jwks")[2])["keys"]
        return found

    def _ask(
        self, path: str, body: bytes | None = None, method: str | None = None, kind: str | None = None
    ) -> tuple[int, Any, bytes]:
        headers = {"Content-Type": kind or "application/x-www-form-urlencoded"} if body else {}
        request = Request(f"{self.issuer}{path}", body, headers, method=method)
        try:
            with build_opener(_Stay, ProxyHandler({})).open(request, timeout=20) as response:
                return response.status, response.headers, response.read()
        except HTTPError as error:
            if error.code != 302:
                raise AssertionError(f"{path}: {error.code} {error.read()[:300]!r}") from error
            return error.code, error.headers, error.read()


@contextmanager
def identity_provider(*options: str) -> Iterator[IdentityProvider]:
    """One that runs."""
    provider = IdentityProvider(*options)
    try:
        provider.start()
        yield provider
    finally:
        provider.stop()


def spoilt(token: str, **header: object) -> str:
    """The token under a header with other values; its signature is left."""
    head, *rest = token.split(".")
    found = json.loads(base64.urlsafe_b64decode(head + "=="))
    found |= header
    return ".".join((base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode(), *rest))
