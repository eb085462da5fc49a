"""Coordinates as people paste them: what the box reads, what it leaves open, what it does not take for a pair."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gridmap.crs import to_wgs84

WEB = Path(__file__).parents[3] / "api" / "web"
TIANJIN = (116.7, 38.55, 118.06, 40.25)
LONDON = (-0.51, 51.28, 0.33, 51.69)
HERE = (117.195, 39.118)
EXACT = (117 + 11 / 60 + 42 / 3600, 39 + 7 / 60 + 5 / 3600)

# (text, lon and lat, crs, turned)
PAIRS = [
    ("117.195, 39.118", HERE, None, "no"),
    ("39.118, 117.195", HERE, None, "latitude_first"),
    ("117.195 39.118", HERE, None, "no"),
    ("117.195,39.118", HERE, None, "no"),
    ("117.195;39.118", HERE, None, "no"),
    ("117.195\t39.118\n", HERE, None, "no"),
    ("(117.195, 39.118)", HERE, None, "no"),
    ("[117.195, 39.118]", HERE, None, "no"),
    ("POINT(117.195 39.118)", HERE, None, "no"),
    ("POINT (117.195 39.118)", HERE, None, "no"),
    ("１１７．１９５，３９．１１８", HERE, None, "no"),
    ("117.195、39.118", HERE, None, "no"),
    ("117.195，39.118。", HERE, None, "no"),
    ("117.195°, 39.118°", HERE, None, "no"),
    ("117.195°E 39.118°N", HERE, None, "no"),
    ("39.118°N 117.195°E", HERE, None, "no"),
    ("39.118N, 117.195E", HERE, None, "no"),
    ("N39.118 E117.195", HERE, None, "no"),
    ("E117.195 N39.118", HERE, None, "no"),
    ("东经117.195 北纬39.118", HERE, None, "no"),
    ("北纬39.118°，东经117.195°", HERE, None, "no"),
    ("东经117.195度，北纬39.118度", HERE, None, "no"),
    ("经度：117.195 纬度：39.118", HERE, None, "no"),
    ("纬度：39.118，经度：117.195", HERE, None, "no"),
    ("lon=117.195 lat=39.118", HERE, None, "no"),
    ("lat: 39.118, lng: 117.195", HERE, None, "no"),
    ("Longitude 117.195, Latitude 39.118", HERE, None, "no"),
    ('{"lng": 117.195, "lat": 39.118}', HERE, None, "no"),
    ("lng=39.118, lat=117.195", HERE, None, "labels_swapped"),
    ("东经39.118 北纬117.195", HERE, None, "labels_swapped"),
    ("117°11'42\"E 39°07'05\"N", EXACT, None, "no"),
    ("39°07'05\"N 117°11'42\"E", EXACT, None, "no"),
    ("117°11′42″E，39°07′05″N", EXACT, None, "no"),
    ("117°11’42”, 39°07’05”", EXACT, None, "no"),
    ("117º11'42''E 39º07'05''N", EXACT, None, "no"),
    ("东经117°11′42″ 北纬39°07′05″", EXACT, None, "no"),
    ("东经117度11分42秒，北纬39度07分05秒", EXACT, None, "no"),
    ("E117°11'42\" N39°07'05\"", EXACT, None, "no"),
    ("117 11 42 E, 39 07 05 N", EXACT, None, "no"),
    ("N 39 07 05, E 117 11 42", EXACT, None, "no"),
    ("117 11 42, 39 07 05", EXACT, None, "no"),
    ("117°11.7' 39°7.08'", (117.195, 39.118), None, "no"),
    ("GCJ-02 117.195,39.118", HERE, "gcj02", "no"),
    ("117.195,39.118 (gcj02)", HERE, "gcj02", "no"),
    ("高德坐标：117.195,39.118".replace("坐标：", " "), HERE, "gcj02", "no"),
    ("百度 117.195 39.118", HERE, "bd09", "no"),
    ("bd09ll: 117.195,39.118", HERE, "bd09", "no"),
    ("WGS84 39.118,117.195", HERE, "wgs84", "latitude_first"),
    ("CGCS2000 117.195 39.118", HERE, "cgcs2000", "no"),
    ("EPSG:4490 117.195 39.118", HERE, "cgcs2000", "no"),
    ("https://uri.amap.com/marker?position=117.195,39.118&name=x", HERE, "gcj02", "no"),
    ("https://ditu.amap.com/regeo?lng=117.195&lat=39.118&src=mypage", HERE, "gcj02", "no"),
    ("https://apis.map.qq.com/uri/v1/marker?marker=coord:39.118,117.195;title:x", HERE, "gcj02", "no"),
    ("http://api.map.baidu.com/marker?location=39.118,117.195&title=x&output=html", HERE, "bd09", "no"),
    ("http://api.map.baidu.com/marker?location=39.118,117.195&coord_type=gcj02", HERE, "gcj02", "no"),
    ("https://www.openstreetmap.org/#map=17/39.118/117.195", HERE, "wgs84", "no"),
    ("https://www.openstreetmap.org/?mlat=39.118&mlon=117.195#map=17/39.1/117.1", HERE, "wgs84", "no"),
    ("https://www.google.com/maps/@39.118,117.195,17z", HERE, None, "no"),
    ("https://www.google.com/maps/place/x/@39.1,117.1,17z/data=!3m4!3d39.118!4d117.195", HERE, None, "no"),
    ("https://maps.google.com/?q=39.118%2C117.195", HERE, None, "no"),
    ("https://maps.apple.com/?ll=39.118,117.195&q=x", HERE, None, "no"),
    ("geo:39.118,117.195?z=17", HERE, "wgs84", "no"),
    ("我在这里 https://uri.amap.com/marker?position=117.195,39.118", HERE, "gcj02", "no"),
    ("4330500.5, 517000", (517000, 4330500.5), "metric", "no"),
    ("X=4330500.5 Y=517000", (517000, 4330500.5), "metric", "no"),
    ("EPSG:4548 517000 4330500.5", (517000, 4330500.5), "EPSG:4548", "no"),
    ("116.2 39.9", (116.2, 39.9), None, "no"),
    ("200 39", None, None, "no"),
]  # fmt: skip

# What only looks like a pair: addresses, codes, and numbers that are no place.
OTHERS = [
    "", "建义路1号", "建义路1号2号楼", "和平区建义路与清兰西道交口", "Jianyi Lu 1", "120101001001001",
    "120101-Q01", "117.195", "117.195,39.118,12", "1 2 3", "117..195 39.118", "117.195.39.118", "N39.1 N117.2",
    "12345", "8-2-301", "022-02000001", "建义路117.195 39.118", "https://www.amap.com/search?query=x",
    "200.5, 95.1", "5号楼 3门",
]  # fmt: skip

LONDONS = [
    ("51.5074, -0.1278", (-0.1278, 51.5074), "latitude_first"),
    ("-0.1278, 51.5074", (-0.1278, 51.5074), "no"),
    ("51°30'26\"N 0°7'40\"W", (-0.12778, 51.50722), "no"),
    ("W0.1278 N51.5074", (-0.1278, 51.5074), "no"),
]


def run(node: str, body: str, given: object) -> object:
    """Runs sources of the pages, as the build makes them, in Node."""
    script = (
        "import { buildSync } from 'esbuild'; import { readFileSync } from 'node:fs';"
        'const contents = \'export * from "./src/dispatcher/coordinates"; export * from "./src/shifts";\';'
        "const entry = { stdin: { contents, resolveDir: '.' }, bundle: true, format: 'esm', write: false };"
        "const { outputFiles } = buildSync(entry);"
        "const code = 'data:text/javascript;base64,' + Buffer.from(outputFiles[0].contents).toString('base64');"
        "const source = await import(code); const given = JSON.parse(readFileSync(0, 'utf8'));"
        f"console.log(JSON.stringify({body}));"
    )
    command = [node, "--input-type=module", "-e", script]
    ended = subprocess.run(command, cwd=WEB, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def read(node: str, texts: list[str], bounds: tuple[float, ...]) -> list[dict[str, object] | None]:
    found = run(node, "given.texts.map((text) => source.readCoordinates(text, given.bounds))",
                {"texts": texts, "bounds": bounds})  # fmt: skip
    assert isinstance(found, list)
    return found


def test_pairs_are_read_in_every_form(node: str) -> None:
    wrong = []
    for (text, place, crs, turned), found in zip(
        PAIRS, read(node, [each[0] for each in PAIRS], TIANJIN), strict=True
    ):
        if place is None:
            right = found is None
        else:
            right = (
                found is not None
                and np.allclose([found["lon"], found["lat"]], place, rtol=0, atol=1e-9)
                and (found["crs"], found["turned"]) == (crs, turned)
            )
        if not right:
            wrong.append((text, found))
    assert wrong == []


def test_what_is_no_pair_is_left_to_others(node: str) -> None:
    found = read(node, OTHERS, TIANJIN)
    assert [(text, each) for text, each in zip(OTHERS, found, strict=True) if each is not None] == []


def test_west_of_greenwich_the_order_is_told_by_the_city(node: str) -> None:
    for (text, place, turned), found in zip(
        LONDONS, read(node, [each[0] for each in LONDONS], LONDON), strict=True
    ):
        assert found is not None, text
        assert [found["lon"], found["lat"]] == pytest.approx(place, abs=1e-5)
        assert found["turned"] == turned


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_the_way_back_to_wgs84_is_that_of_the_service(node: str, crs: str) -> None:
    rng = np.random.default_rng(5)
    places = rng.uniform((116.7, 38.6), (118.0, 40.2), (200, 2))
    found = run(node, f"given.map((place) => source.wgs84From('{crs}', place))", places.tolist())
    lon, lat = to_wgs84(crs, places[:, 0], places[:, 1])
    assert np.abs(np.array(found) - np.column_stack([lon, lat])).max() < 1e-8
