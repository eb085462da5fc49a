"""What is carried upstairs and hung on the wall: dossiers of drafts and revisions, posters of cells."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import FileResponse

from api.deps import LARGEST_REVISION, ActorDep, CodePath, Service, ServiceDep
from api.errors import problem_responses
from api.secure_headers import PAPER_POLICY
from gridmap.actions.dossiers import draft_dossier, revision_dossier
from gridmap.actions.posters import read_poster
from gridmap.model import PUBLIC
from gridmap.papers.dossier import Dossier
from gridmap.papers.pages import dossier_html, dossier_pdf
from gridmap.papers.poster import PICTURE_DPI, poster_html
from gridmap.papers.printing import pdf, png
from gridmap.papers.words import words_in
from gridmap.papers.workbook import dossier_xlsx

router = APIRouter(prefix="/v1", tags=["papers"], responses=problem_responses(404, 422, 503))

MEDIA = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "png": "image/png",
}

Language = Annotated[Literal["zh", "en"], Query(description="Chinese or English")]
Size = Annotated[Literal["A4", "A3"], Query(description="the paper")]
DossierSuffix = Annotated[Literal["html", "pdf", "xlsx"], Path(description="a page, a PDF, or the tables")]
PosterSuffix = Annotated[Literal["html", "pdf", "png"], Path(description="a page, a PDF, or a picture")]
Number = Annotated[int, Path(ge=1, le=LARGEST_REVISION)]


def _content(*suffixes: str) -> dict[int | str, dict[str, Any]]:
    schema = {"schema": {"type": "string"}}
    return {
        200: {"description": "The paper.", "content": {MEDIA[each].partition(";")[0]: schema for each in suffixes}}
    }


_DOSSIER: dict[int | str, dict[str, Any]] = {**_content("html", "pdf", "xlsx"), **problem_responses(401, 403, 409)}


@router.get("/drafts/{draft}/dossier.{suffix}", response_class=Response, responses=_DOSSIER)
def get_draft_dossier(
    service: ServiceDep, actor: ActorDep, draft: Number, suffix: DossierSuffix, lang: Language = "zh"
) -> Response:
    """What is carried upstairs of a draft: maps, tables, bounds in words, certificate, comments, approvals."""
    found = draft_dossier(service.database, actor, service.bench, draft, service.state.ready.grid)
    return _dossier(found, f"draft-{draft}", suffix, lang)


@router.get("/revisions/{revision}/dossier.{suffix}", response_class=Response, responses=_DOSSIER)
def get_revision_dossier(
    service: ServiceDep, actor: ActorDep, revision: Number, suffix: DossierSuffix, lang: Language = "zh"
) -> Response:
    """The same papers of a published revision: what it changed. For staff of everything that changed."""
    return _dossier(revision_dossier(service.database, actor, revision), f"revision-{revision}", suffix, lang)


@router.get(
    "/cells/{code}/poster.{suffix}",
    response_class=Response,
    responses={**_content("html", "pdf", "png"), 304: {"description": "The client has it."}},
)
def get_poster(
    service: ServiceDep,
    code: CodePath,
    suffix: PosterSuffix,
    size: Size = "A4",
    lang: Language = "zh",
    if_none_match: Annotated[str | None, Header(max_length=300)] = None,
) -> Response:
    """The poster of a cell: its map, posts, duty phones, whom to call, and a QR code of this page.

    It shows the current revision, and the posts and holders that are recorded now.
    """
    revision = service.state.ready.grid.revision
    with service.database.begin(PUBLIC) as connection:
        poster = read_poster(connection, revision, code, poster_address(service, code), datetime.now(UTC))
    html = poster_html(poster, words_in(lang), size)
    # the day it was made stands on it, and no finer time
    etag = f'"{sha256(html.encode()).hexdigest()[:32]}"'
    headers = {**_headers(suffix), "ETag": etag, "Cache-Control": "no-cache"}
    if if_none_match is not None and etag in (each.strip() for each in if_none_match.split(",")):
        return Response(status_code=304, headers=headers)
    if suffix == "html":
        return Response(html, media_type=MEDIA[suffix], headers=headers)
    printed = service.downloads.get(f"poster-{etag[1:-1]}.pdf", lambda path: _write(path, pdf(html)))
    if suffix == "png":
        drawn = f"poster-{etag[1:-1]}.png"
        printed = service.downloads.get(drawn, lambda path: _write(path, png(printed.read_bytes(), PICTURE_DPI)))
    return FileResponse(printed, media_type=MEDIA[suffix], headers=headers)


def poster_address(service: Service, code: str) -> str:
    """Where the poster's QR code leads: to the poster as a page, which is always as things are now."""
    settings = service.settings
    return f"{settings.public_url or f'http://{settings.host}:{settings.port}'}/v1/cells/{code}/poster.html"


def _dossier(dossier: Dossier, name: str, suffix: str, lang: str) -> Response:
    words = words_in(lang)
    made = {
        "html": lambda: dossier_html(dossier, words).encode(),
        "pdf": lambda: dossier_pdf(dossier, words),
        "xlsx": lambda: dossier_xlsx(dossier, words),
    }[suffix]()
    # what staff see is kept by nobody else
    headers = {**_headers(suffix), "Cache-Control": "private, no-store", "Vary": "Authorization"}
    if suffix == "xlsx":
        headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return Response(made, media_type=MEDIA[suffix], headers=headers)


def _headers(suffix: str) -> dict[str, str]:
    if suffix != "html":
        return {}
    return {"Content-Security-Policy": PAPER_POLICY, "Referrer-Policy": "no-referrer"}


def _write(path: FilePath, content: bytes) -> None:
    path.write_bytes(content)
