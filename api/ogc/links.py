"""Links between the documents, absolute, under the address that clients use."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import Request

from api.deps import Service
from api.ogc.routing import HTML, JSON

Link = dict[str, object]


class Place:
    """Where a request stands: the address of the service and the path and query within it."""

    def __init__(self, request: Request, service: Service) -> None:
        self.root = service.settings.public_url or str(request.base_url).rstrip("/")
        self.ogc = f"{self.root}/ogc"
        mounted = request.scope.get("root_path", "")
        self.here = self.root + request.url.path.removeprefix(mounted)
        self.query = dict(request.query_params)

    def self_links(self, html: bool, media_type: str = JSON) -> list[Link]:
        """This document, and the same in the other form."""
        forms = [(media_type, "json"), (HTML, "html")]
        return [
            link(
                "self" if (form == "html") is html else "alternate",
                self.with_query({**self.query, "f": form}),
                kind,
                "this document" if (form == "html") is html else f"the same as {form}",
            )
            for kind, form in forms
        ]

    def with_query(self, query: Mapping[str, str]) -> str:
        """This address with another query."""
        return f"{self.here}?{urlencode(query)}" if query else self.here


def link(rel: str, href: str, media_type: str, title: str, **more: object) -> Link:
    """A link."""
    return {"rel": rel, "href": href, "type": media_type, "title": title, **more}
