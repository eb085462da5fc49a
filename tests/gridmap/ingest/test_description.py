"""What a description may say, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridmap.errors import LoadRefused
from gridmap.ingest.description import (
    Elements,
    Incidents,
    Points,
    describes_city,
    read_description,
    read_mapping,
)

from .true_files import ROOT

INCIDENTS = """
[[incidents]]
file = "a.csv"
crs = "wgs84"
source = "s"
id = "id"
category = "what"
happened_at = "when"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "a.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_is_a_mapping() -> None:
    path = ROOT / "data" / "mapping.toml"
    mapping = read_mapping(path)
    assert not describes_city(path)
    (tickets,) = mapping.incidents
    assert (tickets.encoding, tickets.crs) == ("gb18030", "gcj02")
    assert tickets.category.map is not None
    assert set(tickets.category.map.values()) == set(mapping.incident_categories)
    assert [section.source for section in mapping.elements] == ["street-lighting", "community-survey"]


def test_the_examples_of_cities_are_cities() -> None:
    path = ROOT / "data" / "london.toml"
    assert describes_city(path)
    assert read_description(path).incidents[0].period.column == "Month"
    with pytest.raises(LoadRefused, match=r"city: Extra inputs|cells: Extra inputs"):
        read_mapping(path)


def test_a_mapping_and_a_city_share_their_sections(tmp_path: Path) -> None:
    assert isinstance(read_mapping(write(tmp_path, INCIDENTS)).incidents[0], Incidents)
    with pytest.raises(LoadRefused, match="city: Field required"):
        read_description(write(tmp_path, INCIDENTS))


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (["city", "cells"], "'cells' is the name of a layer"),
        (["city", "elements"], "'elements' is the name of a layer"),
        (["city", "live_counts"], "'live_counts' must not begin with live_"),
        (["city", "released_street"], "'released_street' must not begin with live_ or released_"),
        (["city", "cell"], "'cell' is no level"),
        (["hex", "msoa"], "'hex' is no level"),
        (["city", "kind"], "'kind' is a property"),
        (["city", "City"], "'City' must be small letters"),
        (["city", "1st"], "'1st' must be small letters"),
        (["city", ""], "'' must be small letters"),
        (["city", "街道"], "'街道' must be small letters"),
        (["city", "a-b"], "'a-b' must be small letters"),
        (["city", "m" * 64], "63 at most"),
        (["city", "msoa", "msoa"], "'msoa' is there 2 times"),
    ],
)
def test_a_level_has_no_name_that_stands_for_something_else(tmp_path: Path, levels: list[str], said: str) -> None:
    london = (ROOT / "data" / "london.toml").read_text(encoding="utf-8")
    old = 'levels = ["city", "borough", "msoa"]'
    assert old in london
    with pytest.raises(LoadRefused, match=r"city\.levels: Value error, ") as refused:
        read_description(write(tmp_path, london.replace(old, f"levels = {levels}")))
    assert said in str(refused.value)


def test_a_level_may_have_any_other_name(tmp_path: Path) -> None:
    london = (ROOT / "data" / "london.toml").read_text(encoding="utf-8")
    for levels in (["city", "borough", "msoa"], ["a", "cell_block", "m" * 63], ["country", "hexes_2"]):
        text = london.replace('levels = ["city", "borough", "msoa"]', f"levels = {levels}")
        assert read_description(write(tmp_path, text)).as_city().levels == tuple(levels)


PRINCIPLES = """
[principles]
bands = { basic = [100, 400] }
size_of = "workload"
workload = { households = 1.0, open_incidents = 3.0 }
outline_accuracy_m = 25.0
street_share = 0.6
"""


def test_a_city_may_say_what_it_asks_of_cells(tmp_path: Path) -> None:
    london = (ROOT / "data" / "london.toml").read_text(encoding="utf-8")
    default = read_description(write(tmp_path, london)).as_city().principles
    assert default.bands == dict.fromkeys(("basic", "full_service", "special"), (150, 500))
    asked = read_description(write(tmp_path, london + PRINCIPLES)).as_city().principles
    assert asked.bands == {"basic": (100, 400), "full_service": (150, 500), "special": (150, 500)}
    assert (asked.size_of, asked.outline_accuracy_m, asked.street_share) == ("workload", 25.0, 0.6)
    assert default.street_share == 0.8
    assert asked.formula == "1·households + 3·open_incidents"


@pytest.mark.parametrize(
    ("there", "wrong", "said"),
    [
        ("[100, 400]", "[400, 100]", "least first"),
        ("basic =", "big =", "principles.bands"),
        ('"workload"', '"beauty"', "households or workload"),
        ("open_incidents", "scores", "principles.workload"),
        ("= 3.0", "= -3.0", "0 or more"),
        ("= 25.0", "= nan", "outline_accuracy_m"),
        ("= 0.6", "= 1.5", "principles.street_share"),
    ],
)
def test_wrong_principles_are_named(tmp_path: Path, there: str, wrong: str, said: str) -> None:
    text = (ROOT / "data" / "london.toml").read_text(encoding="utf-8") + PRINCIPLES
    with pytest.raises(LoadRefused, match=said):
        read_description(write(tmp_path, text.replace(there, wrong)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ('encoding = "utf-99"', "must be a known text encoding"),
        ('delimiter = ";;"', "at most 1 character"),
        ('id = "id"\nnonsense = 1', "nonsense: Extra inputs"),
        ('category = { column = "what", maps = { a = "b" } }', "Extra inputs"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, changed: str, said: str) -> None:
    name = changed.partition(" ")[0]
    kept = "\n".join(line for line in INCIDENTS.splitlines() if not line.startswith(name))
    with pytest.raises(LoadRefused, match=said):
        read_mapping(write(tmp_path, f"{kept}\n{changed}\n"))


def test_a_file_needs_ids_or_a_period(tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match="needs an id, or the period"):
        read_mapping(write(tmp_path, INCIDENTS.replace('id = "id"\n', "")))
    read_mapping(write(tmp_path, INCIDENTS.replace('id = "id"', 'period = { value = "2026-01" }')))


def test_a_mapping_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match="describes no file"):
        read_mapping(write(tmp_path, "[incident_categories]\n"))


def test_every_key_of_a_section_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = text.partition("## Files of elements and incidents")[2].partition("\n## ")[0]
    keys = {
        field.alias or name for kind in (Points, Elements, Incidents) for name, field in kind.model_fields.items()
    }
    assert {key for key in keys if f"`{key}`" not in told} == set()


BASE_MAP = """
[base_map]
kind = "wmts"
url = "https://maps.city.example/wmts/{TileMatrix}/{TileRow}/{TileCol}.png"
crs = "gcj02"
approval_number = "津S(2026)001"
"""


def test_a_city_may_have_a_base_map(tmp_path: Path) -> None:
    london = (ROOT / "data" / "london.toml").read_text(encoding="utf-8")
    assert read_description(write(tmp_path, london)).as_city().base_map is None
    base_map = read_description(write(tmp_path, london + BASE_MAP)).as_city().base_map
    assert base_map is not None
    assert (base_map.xyz, base_map.tile_crs) == ("https://maps.city.example/wmts/{z}/{y}/{x}.png", "gcj02")


@pytest.mark.parametrize(
    ("there", "wrong", "said"),
    [
        ('"gcj02"', '"EPSG:4548"', "base_map.crs"),
        ('approval_number = "津S(2026)001"', "", "approval_number"),
        ('"津S(2026)001"', '""', "approval_number"),
        ("{TileRow}", "{row}", "must have each of"),
        ('"wmts"', '"wms"', "must be xyz or wmts"),
    ],
)
def test_a_wrong_base_map_is_named(tmp_path: Path, there: str, wrong: str, said: str) -> None:
    london = (ROOT / "data" / "london.toml").read_text(encoding="utf-8")
    with pytest.raises(LoadRefused, match=said):
        read_description(write(tmp_path, london + BASE_MAP.replace(there, wrong)))


@pytest.mark.parametrize(("name", "value"), [("least_people", 2), ("least_incidents", 0), ("least_people", 10**7)])
def test_a_release_that_would_hide_too_little_is_refused(tmp_path: Path, name: str, value: int) -> None:
    example = (ROOT / "data" / "london.toml").read_text(encoding="utf-8")
    city = read_description(write(tmp_path, example)).as_city()
    assert (city.least_people, city.least_incidents) == (10, 3)
    asked = example.replace("[city]\n", f"[city]\n{name} = VALUE\n")
    assert getattr(read_description(write(tmp_path, asked.replace("VALUE", "20"))).as_city(), name) == 20
    with pytest.raises(LoadRefused, match=f"{name}: "):
        read_description(write(tmp_path, asked.replace("VALUE", str(value))))
