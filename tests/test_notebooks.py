"""Every notebook runs from top to bottom on Heping; its maps show something and load nothing from elsewhere."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from playwright.sync_api import Browser

from gridmap.access import OPERATOR
from gridmap.actions.keys import create_key
from gridmap.actions.releases import make_release
from gridmap.cli.server import free_port
from gridmap.model import Actor
from gridmap.releases.periods import Month
from gridmap.store.database import Database

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
# A notebook, who asks, and how many maps it has.
RUNS = [
    ("01_first_look", "nobody", 3),
    ("02_from_the_api", "nobody", 4),
    ("02_from_the_api", "viewer", 4),
    ("03_heatmap_report", "viewer", 3),
    ("04_a_planners_day", "three planners", 3),
]

Maps = dict[tuple[str, str], list[str]]


def quiet(_: str) -> None:
    """No progress in tests."""


@pytest.fixture(scope="module")
def environment(
    heping: Database,
    copy_of: Callable[[Database, str], AbstractContextManager[Database]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """A service on a copy of Heping, with one release, a viewer's key, and those of three who redraw."""
    home = tmp_path_factory.mktemp("home")
    port = free_port("127.0.0.1", 18_700)
    with copy_of(heping, "heping_notebooks") as database:
        make_release(database, OPERATOR, Month(2026, 10), datetime.now(UTC), quiet)
        key = create_key(database, OPERATOR, Actor("report", "viewer", ("120000",)), "a test's key", None)
        drawing = {
            f"GRIDMAP_{role.upper()}_KEY": create_key(
                database, OPERATOR, Actor(role, role, ("120000",)), "a test's key", None
            )
            for role in ("planner", "approver", "publisher")
        }
        address = {
            "GRIDMAP_DATABASE_URL": database.url.set(username="gridmap_app").render_as_string(hide_password=False)
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GRIDMAP_"))}
        command = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve", "--port", str(port)]
        surroundings = clean | address | {"GRIDMAP_HOME": str(home)}
        with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert select.select([process.stdout], [], [], 300)[0], "it is ready within five minutes"
                assert "ready" in process.stdout.readline()
                yield {**address, **drawing, "GRIDMAP_URL": f"http://127.0.0.1:{port}", "GRIDMAP_KEY": key}
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)
            finally:
                process.kill()


@pytest.fixture(scope="module")
def maps(environment: dict[str, str]) -> Maps:
    """The pages with maps that each run leaves; a cell that fails fails the run."""
    found: Maps = {}
    for name, who, _ in RUNS:
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in environment.items():
                if variable != "GRIDMAP_KEY" or who != "nobody":
                    patch.setenv(variable, value)
            notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
            resources = {"metadata": {"path": str(FOLDER)}}
            NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
        pages = [
            output["data"]["text/html"]
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            if "text/html" in output.get("data", {})
        ]
        found[name, who] = [page for page in pages if "srcdoc" in page]
    return found


def test_each_notebook_is_run() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(dict.fromkeys(name for name, _, _ in RUNS))


@pytest.mark.parametrize(("name", "who", "count"), RUNS)
def test_a_notebook_runs_and_its_maps_say_what_is_made_up(maps: Maps, name: str, who: str, count: int) -> None:
    assert len(maps[name, who]) == count
    assert all("Made up" in page and "虚构" in page for page in maps[name, who])


@pytest.mark.parametrize(("name", "who"), [(name, who) for name, who, _ in RUNS])
def test_maps_show_something_and_load_nothing_from_another_host(
    maps: Maps, browser: Browser, name: str, who: str
) -> None:
    """The browser begins when the notebooks have run: both want this thread's event loop."""
    for number, content in enumerate(maps[name, who]):
        page = browser.new_page(viewport={"width": 900, "height": 600})
        wrong: list[str] = []
        page.on("console", lambda message, wrong=wrong: message.type != "error" or wrong.append(message.text))
        page.on("pageerror", lambda error, wrong=wrong: wrong.append(str(error)))
        page.route("**/*", lambda route, wrong=wrong: (wrong.append(route.request.url), route.abort()))
        page.set_content(f"<!DOCTYPE html>{content}")
        # the middle of the map: what is drawn there is neither the notice nor a button
        clip = {"x": 150.0, "y": 60.0, "width": 600.0, "height": 300.0}
        for _ in range(40):
            picture = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))
            drawn = (np.ptp(picture.reshape(-1, 3), axis=0) > 20).any()
            if drawn:
                break
            page.wait_for_timeout(250)
        assert wrong == []
        assert drawn, f"map {number} is empty"
        page.close()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
