"""Styles: valid by MapLibre's own specification, of one revision, naming no other host."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gridmap.errors import InvalidInput, NotFound
from gridmap.model import BaseMap, City
from tiles.palette import DARK, LIGHT
from tiles.style import NAMES, Counts, Ground, make_style

WEB = Path(__file__).parents[2] / "api" / "web"

TIANJIN = City(
    code="120000",
    name="天津市（演示）",
    name_en="Tianjin (demo)",
    levels=("city", "district", "street", "community"),
    code_pattern="{community}{sequence:03d}",
    metric_crs="EPSG:4548",
    timezone="Asia/Shanghai",
    emergency=("110",),
    attribution="Codes <of> 2023 & outlines",
    notice={"zh": "虚构", "en": "Made up"},
)
LONDON = replace(TIANJIN, name="London", name_en="London", levels=("city", "borough", "msoa"))
BASE = BaseMap(
    kind="wmts",
    url="https://maps.city.example/wmts/{TileMatrix}/{TileRow}/{TileCol}.png",
    crs="gcj02",
    approval_number="津S(2026)001",
    attribution="City survey",
)
GROUND = Ground(TIANJIN, 12, "https://city.example/gridmap", (116.7, 38.5, 118.1, 40.3))

# One hex of each colour, mixed with every other, must stay apart for eyes without one kind of cones.
# Brettel, Viénot & Mollon 1997 in the one-plane form of Viénot 1999, on linear RGB.
DICHROMATS = {
    "protan": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deutan": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


def every_style() -> list[tuple[str, Ground]]:
    cities = (TIANJIN, LONDON, replace(TIANJIN, base_map=BASE))
    grounds = [
        replace(GROUND, city=city, language=language, crs=crs)
        for city, language, crs in product(cities, ("zh", "en"), ("wgs84", "gcj02", "bd09"))
    ]
    return list(product(NAMES, grounds))


def test_every_style_is_valid_by_maplibres_own_validator(node: str, tmp_path: Path) -> None:
    styles = [
        make_style(name, ground, Counts({"by": by, "of": "incidents"}), dark=dark)
        for (name, ground), by, dark in product(every_style(), ("cell", "city", "hex"), (False, True))
    ]
    assert len(styles) == 432
    broken = {**make_style("light", GROUND), "zoom": "far"}
    (tmp_path / "styles.json").write_text(json.dumps([*styles, broken]), encoding="utf-8")
    script = (
        "import { validateStyleMin as validate } from '@maplibre/maplibre-gl-style-spec';"
        "import { readFileSync } from 'node:fs';"
        "const styles = JSON.parse(readFileSync(process.argv[1], 'utf8'));"
        "console.log(JSON.stringify(styles.map((style) => validate(style).map((error) => error.message))));"
    )
    command = [node, "--input-type=module", "-e", script, str(tmp_path / "styles.json")]
    ended = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    *complaints, about_broken = json.loads(ended.stdout)
    assert [each for each in complaints if each] == []
    assert about_broken, "the validator sees nothing"


@pytest.mark.parametrize(("name", "ground"), every_style())
def test_all_sources_are_of_one_revision_and_of_this_server(name: str, ground: Ground) -> None:
    style = make_style(name, ground)
    without_base = {key: value for key, value in style["sources"].items() if key != "base_map"}
    addresses = [url for each in without_base.values() for url in (*each.get("tiles", ()), each.get("data"))]
    addresses = [url for url in addresses if url]
    assert len(addresses) >= len(ground.city.levels) + 4
    for url in addresses:
        assert url.startswith("https://city.example/gridmap/"), url
        revision = re.search(r"/tiles/(\d+)/|[?&]revision=(\d+)", url)
        assert revision is not None
        assert "12" in revision.groups()
        assert ("crs=" + ground.crs in url) == (ground.crs != "wgs84" or "/v1/" in url)
    hosts = set(re.findall(r"https?://([^/\"]+)", json.dumps(style)))
    assert hosts <= {"city.example", "maps.city.example"}
    assert {"glyphs", "sprite"}.isdisjoint(style)


def test_every_layer_names_a_source_that_is_there_and_has_tiles_where_it_draws() -> None:
    for name, ground in every_style():
        style = make_style(name, ground)
        ids = [layer["id"] for layer in style["layers"]]
        assert len(ids) == len(set(ids))
        for layer in style["layers"]:
            if layer["type"] == "background":
                continue
            source = style["sources"][layer["source"]]
            if source["type"] == "vector":
                assert layer["source-layer"] == layer["source"]
                assert layer.get("minzoom", source["minzoom"]) >= source["minzoom"], layer["id"]
                assert layer.get("maxzoom", 24) > layer.get("minzoom", 0), layer["id"]


def test_streets_have_their_names_where_they_are_drawn() -> None:
    layers = make_style("light", GROUND)["layers"]
    drawn = {each["id"]: each for each in layers if each["id"].startswith("streets_") and each["type"] == "line"}
    named = {
        each["id"].removesuffix("_label"): each
        for each in layers
        if each["id"] in {f"{one}_label" for one in drawn}
    }
    assert len(drawn) == len(named) == 3
    for name, layer in named.items():
        assert layer["filter"] == drawn[name]["filter"]
        assert layer["minzoom"] >= drawn[name]["minzoom"]
        assert (layer["type"], layer["layout"]["text-field"]) == ("symbol", ["get", "name"])


def test_attribution_and_notice_travel_with_every_source_and_cannot_be_markup() -> None:
    for language, notice in (("zh", "虚构"), ("en", "Made up")):
        style = make_style("choropleth", replace(GROUND, language=language))
        for source in style["sources"].values():
            assert source["attribution"] == f"Codes &lt;of&gt; 2023 &amp; outlines {notice}"
        assert style["metadata"]["gridmap:notice"] == notice


def test_the_base_map_shows_its_number_and_only_under_tiles_of_its_crs() -> None:
    city = replace(TIANJIN, base_map=BASE)
    style = make_style("light", replace(GROUND, city=city, crs="gcj02"))
    assert style["sources"]["base_map"]["tiles"] == ["https://maps.city.example/wmts/{z}/{y}/{x}.png"]
    assert style["sources"]["base_map"]["attribution"] == "City survey 津S(2026)001"
    assert style["metadata"]["gridmap:base_map"] == "City survey 津S(2026)001"
    ids = [layer["id"] for layer in style["layers"]]
    assert ids[:2] == ["ground", "base_map"]
    assert not [each for each in ids if each.startswith("streets_")], (
        "the base map has streets and names of its own"
    )
    shifted = make_style("light", replace(GROUND, city=city, crs="wgs84"))
    assert "base_map" not in shifted["sources"]
    assert shifted["metadata"]["gridmap:base_map"] == ""
    without = make_style("light", replace(GROUND, city=city, crs="gcj02", base_map="no"))
    assert "base_map" not in without["sources"]
    redrawn = make_style("light", replace(GROUND, city=city, base_map="redrawn"))["sources"]["base_map"]
    assert redrawn["tiles"] == ["gcj02://https://maps.city.example/wmts/[z]/[y]/[x].png#{z}/{x}/{y}"]
    degrees = replace(city, base_map=replace(BASE, crs="cgcs2000"))
    tiles = make_style("light", replace(GROUND, city=degrees, base_map="redrawn"))["sources"]["base_map"]["tiles"]
    assert tiles == ["cgcs2000://https://maps.city.example/wmts/[z]/[y]/[x].png#{z}/{x}/{y}"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("crs", "wgs84"),
        ("kind", "wms"),
        ("kind", "xyz"),
        ("url", "ftp://maps.city.example/{TileMatrix}/{TileRow}/{TileCol}"),
        ("url", "https://maps.city.example/{TileMatrix}/{TileRow}"),
        ("url", "https://maps.city.example/{TileMatrix}/{TileRow}/{TileCol}; script-src *"),
        ("url", "https://{s}.city.example/{TileMatrix}/{TileRow}/{TileCol}"),
        ("highest_zoom", 25),
        ("lowest_zoom", 19),
        ("tile_size", 300),
    ],
)
def test_a_base_map_that_cannot_be_drawn_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match="base_map"):
        replace(BASE, **{field: value})


def test_the_legend_says_what_each_colour_means() -> None:
    kinds = make_style("light", GROUND)["metadata"]["gridmap:legend"]
    assert [entry["label"] for entry in kinds] == ["基础网格", "全科网格", "专属网格"]
    style = make_style("choropleth", GROUND, Counts({"by": "cell"}, (1.0, 5.0, 20.0)))
    legend = style["metadata"]["gridmap:legend"]
    assert [entry["label"] for entry in legend] == ["< 1", "1 – 5", "5 – 20", "≥ 20"]
    fill = next(layer for layer in style["layers"] if layer["id"] == "counts")
    step = fill["paint"]["fill-color"]
    assert [step[2], *step[4::2]] == [entry["color"] for entry in legend]
    assert step[3::2] == [1.0, 5.0, 20.0]


def test_a_map_of_releases_says_months_and_what_is_hidden() -> None:
    counts = Counts({"by": "cell", "period": "2026-10"}, released=("2026-10",), least=3)
    style = make_style("choropleth", replace(GROUND, language="en"), counts)
    facts = style["metadata"]
    labels = [entry["label"] for entry in facts["gridmap:legend"]]
    assert labels == ["0", "3 – 5", "5 – 10", "10 – 20", "20 – 50", "≥ 50", "hidden"]
    said = "Released counts of 2026-10; counts below 3, and those that would give them away, are hidden"
    assert (facts["gridmap:counts"], facts["gridmap:released"]) == (said, ["2026-10"])
    assert "zeros=true" in style["sources"]["counts"]["data"]
    ids = [layer["id"] for layer in style["layers"]]
    assert ids.index("hidden") < ids.index("counts")
    things = Counts({"by": "street", "of": "elements", "class": "place"}, released=("2026-09", "2026-10"))
    style = make_style("choropleth", GROUND, things)
    assert style["metadata"]["gridmap:counts"] == "2026-09–2026-10 已发布的数量"
    assert "hidden" not in [layer["id"] for layer in style["layers"]]
    heat = make_style("heat", GROUND, counts)
    assert "zeros" not in heat["sources"]["counts"]["data"]
    none = make_style("choropleth", GROUND, Counts(released=()))
    assert not {"counts", "hidden"} & {layer["id"] for layer in none["layers"]}


def test_breaks_begin_higher_for_larger_areas() -> None:
    def first(by: str) -> str:
        style = make_style("choropleth", GROUND, Counts({"by": by}))
        return str(style["metadata"]["gridmap:legend"][0]["label"])

    assert [first(by) for by in ("cell", "community", "street", "district")] == ["< 1", "< 5", "< 50", "< 1000"]


@pytest.mark.parametrize("breaks", [(5.0, 1.0), (1.0, 1.0), (float("nan"),), (1.0, float("inf"))])
def test_breaks_must_rise(breaks: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput, match="breaks"):
        Counts({}, breaks)


def test_other_names_and_crs_are_refused() -> None:
    with pytest.raises(NotFound, match="light, dark, choropleth, heat"):
        make_style("Light", GROUND)
    with pytest.raises(InvalidInput, match="wgs84, gcj02, bd09"):
        make_style("light", replace(GROUND, crs="EPSG:4548"))


def linear(color: str) -> tuple[float, ...]:
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)


def lab(rgb: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = (min(max(value, 0.0), 1.0) for value in rgb)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def apart(one: str, other: str, matrix: tuple[tuple[float, ...], ...] | None) -> float:
    """CIE76 distance of two colours as seen by these eyes."""
    seen = []
    for color in (one, other):
        rgb = linear(color)
        if matrix is not None:
            rgb = tuple(sum(m * value for m, value in zip(row, rgb, strict=True)) for row in matrix)
        seen.append(lab(rgb))
    return sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("eyes", [None, *DICHROMATS])
def test_colours_stay_apart_for_colour_blind_eyes(palette: Any, eyes: str | None) -> None:
    matrix = None if eyes is None else DICHROMATS[eyes]
    kinds = list(palette.kinds.values())
    for i, one in enumerate(kinds):
        for other in kinds[i + 1 :]:
            assert apart(one, other, matrix) > 15
    scale = [palette.nothing, *palette.ramp]
    assert min(apart(one, other, matrix) for one, other in zip(palette.ramp, palette.ramp[1:], strict=False)) > 10
    lightness = [lab(linear(color))[0] for color in palette.ramp]
    assert lightness in (sorted(lightness), sorted(lightness, reverse=True))
    assert len(set(scale)) == len(scale)
    # A known confusion, so that the measure is seen to see.
    assert apart("#c8102e", "#3a7d34", DICHROMATS["deutan"]) < apart("#c8102e", "#3a7d34", None) / 2
