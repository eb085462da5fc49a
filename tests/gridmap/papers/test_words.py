"""Every language says the same things."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import gridmap.papers
from gridmap.errors import InvalidInput
from gridmap.model import CELL_KINDS, DRAFT_STATES
from gridmap.papers.figures_of_principles import shown_figure
from gridmap.papers.principles import measures_of
from gridmap.papers.words import LANGUAGES, words_in
from gridmap.redraw.certificate import CHECKS
from gridmap.redraw.principles.finding import Finding

FOLDER = Path(gridmap.papers.__file__).parent


def test_all_languages_have_the_same_phrases_with_as_many_places() -> None:
    first = words_in(LANGUAGES[0])
    for language in LANGUAGES[1:]:
        other = words_in(language)
        for part in [field.name for field in fields(first) if field.name != "language"]:
            mine, theirs = getattr(first, part), getattr(other, part)
            assert mine.keys() == theirs.keys(), part
            for name in mine:
                places = [sorted(re.findall(r"\{[a-z0-9]*\}", text[name])) for text in (mine, theirs)]
                assert len(places[0]) == len(places[1]), name


def test_every_phrase_is_used_somewhere() -> None:
    code = "".join(
        path.read_text(encoding="utf-8") for path in [*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.html")]
    )
    # sides, lines without a name and outcomes are looked up by a name that is put together
    made = re.compile(r"^(side_|unnamed_|(pass|fail|waived|not_measured|checked_when_published)$)")
    unused = [
        name for name in words_in("zh").texts if not re.search(f"[\"']{name}[\"']", code) and not made.match(name)
    ]
    assert unused == []


def test_all_states_kinds_and_checks_have_a_word() -> None:
    words = words_in("zh")
    assert set(DRAFT_STATES) <= words.states.keys()
    assert set(CELL_KINDS) == words.kinds.keys()
    assert {check.key for check in CHECKS} <= words.checks.keys()


def test_a_language_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="lang"):
        words_in("../zh")


def test_a_gap_against_another_outline_is_not_set_beside() -> None:
    outside = Finding("seamless", "", {"outline": "an office", "gap_m2": 10_961.0, "overlap_m2": 0.0}, True)
    base = Finding("seamless", "", {"outline": "the union of revision 1", "gap_m2": 0.0, "overlap_m2": 0.0}, True)
    for before, shown in ((outside, "不作比较"), (base, "0.0 m²")):
        rows = {each.figure: each for each in measures_of([before], [base], told=True)}
        assert shown_figure("seamless", "gap_m2", rows["gap_m2"].before, words_in("zh")) == shown
        assert rows["overlap_m2"].before == 0.0
