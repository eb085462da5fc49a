"""What ``make`` builds from the sources in ``web/`` and a wheel carries, served packed to whoever can unpack it.

Imports Starlette.
"""

from __future__ import annotations

from os import PathLike, stat_result
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUILT = Path(__file__).parent / "web" / "dist"

# Names below it hold a digest of their contents.
_NAMED_BY_CONTENT = "assets/"
_PACKED = {"br": ".br", "gzip": ".gz"}


class BuiltFiles(StaticFiles):
    """The files of a build. Beside each large one lies a packed twin, which the build made."""

    def __init__(self) -> None:
        super().__init__(directory=BUILT, check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The packed twin, if there is one that the client takes; else the file itself."""
        accepted = _encodings(Headers(scope=scope).get("accept-encoding", ""))
        for encoding, ending in _PACKED.items():
            if encoding not in accepted:
                continue
            full_path, found = self.lookup_path(path + ending)
            if found is not None:
                return self._described(self.file_response(full_path, found, scope), path, encoding)
        return self._described(await super().get_response(path, scope), path, None)

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """A file under the media type of what is in it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        packed = Path(full_path)
        if packed.suffix in _PACKED.values():
            plain = super().file_response(packed.with_suffix(""), stat_result, scope, status_code)
            response.headers["Content-Type"] = plain.headers["Content-Type"]
        return response

    def _described(self, response: Response, path: str, encoding: str | None) -> Response:
        if encoding is not None:
            response.headers["Content-Encoding"] = encoding
        response.headers["Vary"] = "Accept-Encoding"
        forever = path.startswith(_NAMED_BY_CONTENT) and response.status_code in (200, 304)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if forever else "no-cache"
        return response


def _encodings(accepted: str) -> set[str]:
    """The encodings that a client takes; what it gives the weight 0 it does not."""
    parts = (part.strip().partition(";") for part in accepted.lower().split(","))
    return {name.strip() for name, _, weight in parts if weight.replace(" ", "") not in ("q=0", "q=0.0")}
