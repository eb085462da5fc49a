"""What every answer tells a browser not to do, and the policies of the pages. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

Header = tuple[bytes, bytes]

# Nothing of a browser's is needed by data, nor by the pages.
_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
)
_HSTS_SECONDS = 365 * 24 * 3600

# Data are no page: whoever opens them as one gets nothing to run, load or frame.
DATA_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# A paper is a page by itself: it runs nothing and loads nothing but the pictures that it holds.
PAPER_POLICY = f"{DATA_POLICY}; img-src data:; style-src 'unsafe-inline'"


def page_policy(*, connect: str = "", ancestors: str = "'none'") -> str:
    """The policy of a built page: scripts, styles and data of this server, and data of ``connect`` besides."""
    return (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; font-src 'self'; "
        f"img-src 'self' data: blob:; connect-src {_connect(connect)}; base-uri 'none'; form-action 'self'; "
        f"frame-ancestors {ancestors}"
    )


def script_policy(connect: str = "") -> str:
    """The policy of the pages' scripts: a worker loads its data, and its parts, under the policy it came with."""
    return f"{DATA_POLICY}; script-src 'self'; connect-src {_connect(connect)}"


def styled_policy(style: str) -> str:
    """The policy of a plain page with this one style element."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"{DATA_POLICY}; style-src 'sha256-{digest}'"


def _connect(origin: str) -> str:
    return f"'self' {origin}" if origin else "'self'"


class SecureHeaders:
    """The headers of every answer, beside those that its route has set."""

    def __init__(self, public_url: str) -> None:
        always = {
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "permissions-policy": _PERMISSIONS,
            "content-security-policy": DATA_POLICY,
        }
        if public_url.startswith("https://"):
            always["strict-transport-security"] = f"max-age={_HSTS_SECONDS}"
        self._always = [(name.encode(), value.encode()) for name, value in always.items()]

    def missing(self, headers: Iterable[Header], *, policy: str | None = None) -> list[Header]:
        """What is to be added to an answer's headers; ``policy`` stands in for that of data.

        What is public may be a picture or a tile in anybody's page; what is private may not.
        """
        present = {name.lower(): value for name, value in headers}
        added = [each for each in self._always if each[0] not in present]
        if policy is not None and b"content-security-policy" not in present:
            added = [each for each in added if each[0] != b"content-security-policy"]
            added.append((b"content-security-policy", policy.encode()))
        private = b"private" in present.get(b"cache-control", b"")
        if b"cross-origin-resource-policy" not in present:
            added.append((b"cross-origin-resource-policy", b"same-origin" if private else b"cross-origin"))
        page = present.get(b"content-type", b"").startswith(b"text/html")
        if page and b"cross-origin-opener-policy" not in present:
            added.append((b"cross-origin-opener-policy", b"same-origin"))
        return added
