"""``gridmap bench tiles``: cold and hot tiles, beside tiles made in the usual way and beside a look-up in JSON.

Servers run as processes of their own, all asked by the same clients; what a request costs is read from the
processes' times, so that the clients' own work does not count.
"""

from __future__ import annotations

import gzip
import http.client
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from gridmap.errors import GridMapError, NotMeasured, Unavailable
from gridmap.model import PUBLIC
from gridmap.programs import install_nginx
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.extents import read_extent
from gridmap.store.revisions import read_current
from tiles.address import Address, degrees_of, span_of
from tiles.nginx import nginx_before

Progress = Callable[[str], None]

# The layer that is asked for at each zoom, as a map would: the finest that is drawn.
_CELLS_FROM = 10
_STARTS_WITHIN_S = 300.0
_IDLE_SHARE = 0.1
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_GROUPS = {"z 8-11": range(8, 12), "z 12-16": range(12, 17)}


@dataclass
class Times:
    """Milliseconds to an answer, and octets of the tiles, by gzip and as they are."""

    tiles: int
    p50_ms: float
    p95_ms: float
    sent_octets: int
    octets: int


@dataclass
class Rate:
    """Requests a second of processor time, and a second of the wall's clock with all clients."""

    requests: int
    per_core_second: float
    per_second: float


@dataclass
class TilesBench:
    """By group of zooms the times of cold tiles and of plain ones, and rates of hot tiles and of look-ups.

    ``not_measured`` says what was left out and why.
    """

    cold: dict[str, Times] = field(default_factory=dict)
    plain: dict[str, Times] = field(default_factory=dict)
    cold_to_plain_p95: dict[str, float] = field(default_factory=dict)
    rates: dict[str, Rate] = field(default_factory=dict)
    hot_to_lookup: float = 0.0
    nginx_to_lookup: float | None = None
    not_measured: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Server:
    port: int
    pids: tuple[int, ...]


def bench_tiles(
    database: Database,
    ports: Sequence[int],
    count: int,
    clients: int,
    seed: int,
    progress: Progress,
    requests: int = 6000,
) -> TilesBench:
    """Measure ``count`` tiles of each group of zooms; ``ports`` are three free ones.

    NotMeasured without cells at a first revision, which the plain tiles are of.
    """
    report = TilesBench()
    wanted, place = _choose(database, count, seed)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDMAP_")}
    environment["GRIDMAP_DATABASE_URL"] = database.url.render_as_string(hide_password=False)
    with TemporaryDirectory(prefix="gridmap-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        environment["GRIDMAP_HOME"] = str(folder / "home")
        ours = stack.enter_context(_running(_OURS, {**environment, "GRIDMAP_PORT": str(ports[0])}, ports[0]))
        plain = stack.enter_context(_running([*_PLAIN, str(ports[1])], environment, ports[1]))
        progress("waiting until the server has made ready what it keeps in memory")
        _wait_until_idle(ours)
        _open_connections(ours.port, plain.port, wanted, clients)
        for group, addresses in wanted.items():
            progress(f"{group}: {len(addresses)} tiles, cold and plain in turns")
            cold, usual = _in_turns(ours.port, plain.port, addresses, clients)
            report.cold[group], report.plain[group] = cold, usual
            report.cold_to_plain_p95[group] = round(cold.p95_ms / usual.p95_ms, 3)
        every = [_ours(address) for addresses in wanted.values() for address in addresses]
        _measure_rates(report, ours, every, place, clients, folder, ports[2], progress, requests)
    return report


_OURS = [sys.executable, "-c", "from gridmap.cli import main; main()", "serve"]
# A client that waits for ours longer than uvicorn's five seconds must find its other connection open.
_PLAIN = [
    *(sys.executable, "-m", "uvicorn", "--factory", "tiles.plain:application"),
    *("--log-level=warning", "--timeout-keep-alive=600", "--port"),
]


def _choose(database: Database, count: int, seed: int) -> tuple[dict[str, list[Address]], tuple[float, float]]:
    """Tiles in which something is drawn, and the place to look up: the middle of the city's box."""
    with database.begin(PUBLIC, long_work=True) as connection:
        revision, city = read_current(connection).number, read_city(connection)
        extent = read_extent(connection, revision, None)
    if extent is None or revision != 1 or len(city.levels) < 2:
        raise NotMeasured("tiles: needs a city with cells and areas at its first revision")
    draw = random.Random(seed)  # noqa: S311 - no secret
    chosen = {}
    for group, zooms in _GROUPS.items():
        every = [
            address for z in zooms for address in draw.sample(_all(extent, z), min(len(_all(extent, z)), count))
        ]
        chosen[group] = draw.sample(every, min(len(every), count))
    west, south, east, north = degrees_of(extent)
    return chosen, ((west + east) / 2, (south + north) / 2)


def _all(extent: tuple[float, float, float, float], z: int) -> list[Address]:
    return list(span_of(extent, z, 0).addresses())


def _layer(address: Address) -> str:
    return "cells" if address.z >= _CELLS_FROM else {8: "street", 9: "community"}[address.z]


def _ours(address: Address) -> str:
    return f"/tiles/1/{_layer(address)}/{address.z}/{address.x}/{address.y}.mvt"


def _plains(address: Address) -> str:
    return f"/{_layer(address)}/{address.z}/{address.x}/{address.y}"


@contextmanager
def _running(command: Sequence[str], environment: dict[str, str], port: int) -> Iterator[_Server]:
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            deadline = time.monotonic() + _STARTS_WITHIN_S
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Unavailable(f"a server to measure does not start: {' '.join(command[1:4])}")
                time.sleep(0.1)
            yield _Server(port, (process.pid,))
        finally:
            process.terminate()


def _wait_until_idle(server: _Server) -> None:
    """Until a server spends less than a tenth of a second of processor time a second: first it saves snapshots."""
    deadline, before = time.monotonic() + _STARTS_WITHIN_S, _cpu_s(server.pids)
    while time.monotonic() < deadline:
        time.sleep(1.0)
        spent = _cpu_s(server.pids)
        if spent - before < _IDLE_SHARE:
            return
        before = spent
    raise Unavailable(f"a server to measure does not come to rest within {_STARTS_WITHIN_S:.0f} s")


def _open_connections(ours: int, plain: int, wanted: Mapping[str, Sequence[Address]], clients: int) -> None:
    """Let both servers open their connections to the database, by tiles that are not measured."""
    measured = {address for addresses in wanted.values() for address in addresses}
    z, x, y = next((each.z, each.x, each.y) for each in sorted(measured, key=lambda each: -each.z))
    near = [Address(z, x + east, y + south) for east in range(-8, 9) for south in range(-8, 9)]
    others = [each for each in near if each not in measured][: 4 * clients]
    _in_turns(ours, plain, others, clients)


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True


def _ask(connection: http.client.HTTPConnection, path: str) -> tuple[float, bytes]:
    """Seconds to the whole answer, and its body."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    response = connection.getresponse()
    body = response.read()
    if response.status not in {200, 204}:
        raise Unavailable(f"{path} was answered {response.status}")
    return time.perf_counter() - began, body


def _in_turns(ours: int, plain: int, addresses: Sequence[Address], clients: int) -> tuple[Times, Times]:
    """Every client asks one server for a tile and then the other, so that both see the same machine."""

    def run(part: Sequence[Address]) -> list[tuple[tuple[float, bytes], tuple[float, bytes]]]:
        first, second = (http.client.HTTPConnection("127.0.0.1", port, timeout=120) for port in (ours, plain))
        return [(_ask(first, _ours(each)), _ask(second, _plains(each))) for each in part]

    with ThreadPoolExecutor(clients) as pool:
        parts = pool.map(run, [addresses[start::clients] for start in range(clients)])
        pairs = [pair for part in parts for pair in part]
    return _times([cold for cold, _ in pairs]), _times([usual for _, usual in pairs])


def _times(answers: Sequence[tuple[float, bytes]]) -> Times:
    p50, p95 = np.percentile([1000 * seconds for seconds, _ in answers], [50, 95])
    sent = sum(len(body) for _, body in answers)
    octets = sum(len(gzip.decompress(body)) if body else 0 for _, body in answers)
    return Times(len(answers), round(float(p50), 2), round(float(p95), 2), sent, octets)


def _measure_rates(
    report: TilesBench,
    ours: _Server,
    tiles: Sequence[str],
    place: tuple[float, float],
    clients: int,
    folder: Path,
    port: int,
    progress: Progress,
    requests: int,
) -> None:
    lookup = [f"/v1/coverage?lon={place[0]:.6f}&lat={place[1]:.6f}&crs=wgs84"]
    small = [path for path in tiles if int(path.split("/")[4]) >= min(_GROUPS["z 12-16"])]
    for name, paths in (("look-up in JSON", lookup), ("hot tile", small)):
        progress(f"{name}: requests a second")
        report.rates[name] = _rate(ours, paths, clients, requests)
    looked_up = report.rates["look-up in JSON"].per_core_second
    report.hot_to_lookup = round(report.rates["hot tile"].per_core_second / looked_up, 2)
    try:
        with nginx_before(install_nginx(progress), port, f"127.0.0.1:{ours.port}", folder) as pid:
            progress("hot tile through nginx: requests a second")
            behind = _Server(port, (*_children(pid), *ours.pids))
            report.rates["hot tile through nginx"] = _rate(behind, small, clients, requests)
    except GridMapError as error:
        report.not_measured["nginx"] = str(error)
    else:
        through = report.rates["hot tile through nginx"].per_core_second
        report.nginx_to_lookup = round(through / looked_up, 2)


def _rate(server: _Server, paths: Sequence[str], clients: int, requests: int) -> Rate:
    """Ask until so many requests are answered, after a first round that warms up."""

    def run(start: int, count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        for number in range(count):
            _ask(connection, paths[(start + number * clients) % len(paths)])

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(run, range(clients), [len(paths) // clients + 50] * clients))
        spent, began = _cpu_s(server.pids), time.perf_counter()
        list(pool.map(run, range(clients), [requests // clients] * clients))
        took, used = time.perf_counter() - began, _cpu_s(server.pids) - spent
    asked = requests // clients * clients
    return Rate(asked, round(asked / max(used, 1 / _CLOCK_TICKS)), round(asked / took))


def _cpu_s(pids: Sequence[int]) -> float:
    """Seconds of processor time that these processes have used."""
    total = 0
    for pid in pids:
        # the name, in parentheses, may hold blanks
        numbers = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += int(numbers[11]) + int(numbers[12])
    return total / _CLOCK_TICKS


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
