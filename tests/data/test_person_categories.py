"""Every category of need has a purpose, a legal basis and a retention, and there is no category besides."""

from __future__ import annotations

import tomllib
from pathlib import Path

from gridmap.model import PERSON_CATEGORIES

FILE = Path(__file__).parents[2] / "data" / "person_categories.toml"


def test_the_closed_list_is_described() -> None:
    described = tomllib.loads(FILE.read_text(encoding="utf-8"))
    assert set(described) == set(PERSON_CATEGORIES)
    for name, category in described.items():
        assert set(category) == {"zh", "en", "purpose", "legal_basis", "retention_days"}, name
        assert all(len(category[key]) > 10 for key in ("purpose", "legal_basis")), name
        assert 0 < category["retention_days"] <= 1095, name
