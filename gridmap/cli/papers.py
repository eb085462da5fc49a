"""``gridmap draft dossier``, ``gridmap revision dossier`` and ``gridmap poster``: papers into a folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from gridmap.access import OPERATOR
from gridmap.actions import dossiers
from gridmap.actions.posters import cells_of, read_poster
from gridmap.actions.workbench import Workbench
from gridmap.cli.environment import check_migrated, open_database, progress, say
from gridmap.errors import InvalidInput
from gridmap.model import PUBLIC
from gridmap.papers.dossier import Dossier
from gridmap.papers.pages import dossier_html
from gridmap.papers.poster import PICTURE_DPI, SIZES, poster_html
from gridmap.papers.printing import pdf, png
from gridmap.papers.words import Words, words_in
from gridmap.papers.workbook import dossier_xlsx
from gridmap.programs import install_printing
from gridmap.settings import Settings, read_settings
from gridmap.store.revisions import read_current

FolderOption = Annotated[Path, typer.Option("--output", "-o", help="folder to write to; it is made")]
LangOption = Annotated[str, typer.Option(help="zh or en")]
CityOption = Annotated[str | None, typer.Option(help="which city's database; else GRIDMAP_CITY")]


def draft_dossier(
    draft: Annotated[int, typer.Argument(help="the draft's number", min=1)],
    output: FolderOption,
    lang: LangOption = "zh",
    as_: Annotated[str, typer.Option("--as", help="under which name it is read")] = OPERATOR.id,
    city: CityOption = None,
) -> None:
    """Write what is carried upstairs of a draft: a page, a PDF, and a workbook of the tables."""
    words = words_in(lang)
    install_printing(say)
    actor = replace(OPERATOR, id=as_)
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        dossier = dossiers.draft_dossier(database, actor, Workbench(), draft)
    _write(dossier, output, f"draft-{draft}", words)


def revision_dossier(
    number: Annotated[int, typer.Argument(help="a revision after the first", min=1)],
    output: FolderOption,
    lang: LangOption = "zh",
    city: CityOption = None,
) -> None:
    """Write the papers of a published revision: what it changed of the one before."""
    words = words_in(lang)
    install_printing(say)
    with open_database(read_settings(city=city)) as database:
        check_migrated(database)
        dossier = dossiers.revision_dossier(database, OPERATOR, number)
    _write(dossier, output, f"revision-{number}", words)


def poster(
    codes: Annotated[list[str], typer.Argument(help="codes of cells, or of areas: all cells in them")],
    output: FolderOption,
    size: Annotated[str, typer.Option(help=f"of the paper: {' or '.join(SIZES)}")] = "A4",
    form: Annotated[str, typer.Option("--format", help="pdf or png")] = "pdf",
    lang: LangOption = "zh",
    city: CityOption = None,
) -> None:
    """Write posters for the wall: the cell's map, its posts and their phones, whom to call, and a QR code."""
    words = words_in(lang)
    if size not in SIZES:
        raise InvalidInput("--size", size, f"must be one of {', '.join(SIZES)}")
    if form not in ("pdf", "png"):
        raise InvalidInput("--format", form, "must be pdf or png")
    install_printing(say)
    settings = read_settings(city=city)
    base = _public_url(settings)
    output.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    with open_database(settings) as database:
        check_migrated(database)
        with database.begin(PUBLIC) as connection:
            revision = read_current(connection)
            cells = list(dict.fromkeys(cell for code in codes for cell in cells_of(connection, revision, code)))
        for code in track(cells, "posters", console=progress, transient=True):
            with database.begin(PUBLIC) as connection:
                address = f"{base}/v1/cells/{code}/poster.html"
                found = read_poster(connection, revision, code, address, now)
            made = pdf(poster_html(found, words, size))
            (output / f"{code}.{form}").write_bytes(made if form == "pdf" else png(made, PICTURE_DPI))
    print(f"{len(cells)} posters of revision {revision.number} in {output}")


def _public_url(settings: Settings) -> str:
    if not settings.public_url:
        say("GRIDMAP_PUBLIC_URL is not set: QR codes lead to this machine's own address, which no phone reaches")
    return settings.public_url or f"http://{settings.host}:{settings.port}"


def _write(dossier: Dossier, folder: Path, name: str, words: Words) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    html = dossier_html(dossier, words)
    say("printing")
    for suffix, content in (("html", html.encode()), ("pdf", pdf(html)), ("xlsx", dossier_xlsx(dossier, words))):
        path = folder / f"{name}.{suffix}"
        path.write_bytes(content)
        print(path)
