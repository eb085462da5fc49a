"""SECURITY.md names tests that there are, and the page for data protection names every category that is kept."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gridmap.model import PERSON_CATEGORIES
from gridmap.settings import SECRETS

ROOT = Path(__file__).parents[1]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROTECTION = (ROOT / "data" / "data-protection.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", SECURITY)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_is_named_is_there(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_threat_has_a_test() -> None:
    table = SECURITY.partition("## Threats")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| threat")]
    assert len(rows) >= 25
    for row in rows:
        assert re.search(r"::test_\w+`", row), row


def test_it_says_how_each_secret_is_changed() -> None:
    for secret in SECRETS:
        assert f"GRIDMAP_{secret.upper()}" in SECURITY


def test_the_page_for_data_protection_says_of_every_category_why_and_how_long() -> None:
    categories = tomllib.loads((ROOT / "data" / "person_categories.toml").read_text(encoding="utf-8"))
    assert set(categories) == set(PERSON_CATEGORIES)
    for name, described in categories.items():
        row = next(line for line in PROTECTION.splitlines() if line.startswith(f"| `{name}`"))
        assert described["zh"] in row
        assert described["en"] in row
        assert str(described["retention_days"]) in row


def test_it_says_everything_in_both_languages() -> None:
    chinese, english = PROTECTION.split("\n# ")
    heads = [re.findall(r"^## ", part, re.MULTILINE) for part in (chinese, english)]
    assert len(heads[0]) == len(heads[1]) >= 7
