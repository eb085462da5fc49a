"""What a dossier is made from, and its tables in words. Pure; imports its neighbours and ``model``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import shapely

from gridmap.model import City, Revision
from gridmap.papers.bounds import Bounds, CentreLines, bounds_in
from gridmap.papers.changes import Change, Renamed, Step, metric
from gridmap.papers.figures_of_principles import shown_figure
from gridmap.papers.parts import MapPart
from gridmap.papers.words import Words

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a principle before and after, None where not measured; ``kept`` None: there is no verdict."""

    principle: str
    figure: str
    before: Value
    after: Value
    kept: bool | None


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the certificate by key; ``pass``, ``fail``, ``not_measured``, or ``waived``, by whom and why.

    ``codes``: cells and areas that it does not hold for; ``note`` says in English what it found.
    """

    key: str
    outcome: str
    note: str = ""
    codes: tuple[str, ...] = ()
    waived_by: str = ""
    waived_because: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said of the change, and of which place or cell (``where``)."""

    who: str
    when: datetime
    where: str
    text: str
    resolved: bool


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved it for an area, by its level and name."""

    level: str
    area: str
    who: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Subject:
    """What the dossier is of: a draft with its number, or a revision (``result``) that was published.

    ``author`` empty: not told; ``dated`` is when the draft was last changed, or the revision published.
    """

    title: str
    draft: int | None
    state: str
    base: Revision
    result: Revision | None
    author: str
    dated: datetime
    reasons: str


@dataclass(frozen=True)
class Dossier:
    """All that the papers show. ``measures`` and ``checks`` None: there are none of this change.

    ``counted``: from which day to which the households were counted.
    """

    city: City
    subject: Subject
    before: MapPart
    after: MapPart
    change: Change
    lines: CentreLines
    data_as_of: datetime
    made_at: datetime
    measures: Sequence[Measure] | None = None
    checks: Sequence[Check] | None = None
    comments: Sequence[Comment] = ()
    approvals: Sequence[Approval] = ()
    counted: tuple[date, date] | None = None

    @cached_property
    def bounds(self) -> dict[str, Bounds]:
        """New code -> the bounds of the cell after the change."""
        return {code: bounds_in(self.after, code, self.lines) for code in self.change.new}

    @cached_property
    def areas_m2(self) -> dict[str, float]:
        """New code -> the area of the cell after the change."""
        return areas_m2(self.after, self.change.new, self.city)


@dataclass(frozen=True)
class Table:
    """A table in words: ``key`` names its sheet; ``codes`` are the columns of codes, text in every form.

    ``shares`` are columns of shares from 0 to 1; values that are not told are texts. ``short`` ones
    hold single words, ``lines`` texts that break where they say, ``wide`` ones sentences.
    """

    key: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Value]]
    notes: Sequence[str] = ()
    codes: frozenset[int] = frozenset()
    shares: frozenset[int] = frozenset()
    short: frozenset[int] = frozenset()
    lines: frozenset[int] = frozenset()
    wide: frozenset[int] = frozenset()


def areas_m2(part: MapPart, codes: Sequence[str], city: City) -> dict[str, float]:
    """Code -> m² in the city's metric crs."""
    shapes = metric([part.shape(code) for code in codes], city.metric_crs)
    return {code: float(area) for code, area in zip(codes, shapely.area(shapes), strict=True)}


def sentences(dossier: Dossier, words: Words) -> list[str]:
    """What changes, one sentence for each step, renaming and area."""
    change = dossier.change
    told = []
    for area in change.areas_begun:
        told.append(words["area_begun"].format(level=words.level(area.level), name=area.name, code=area.code))
    for area in change.areas_ended:
        told.append(words["area_ended"].format(level=words.level(area.level), name=area.name, code=area.code))
    told += [_renamed(each, words) for each in change.areas_renamed]
    told += [sentence(step, dossier, words) for step in change.steps]
    return told


def sentence(step: Step, dossier: Dossier, words: Words) -> str:
    """What became of the cells of one step."""
    text = words.steps[step.kind].format(
        old=words.listed([words.named(dossier.before.cell(code)) for code in step.old]),
        new=words.listed([words.named(dossier.after.cell(code)) for code in step.new]),
    )
    return words["semicolon"].join([text, *(_renamed(each, words) for each in step.renamed)]) + words["stop"]


def _renamed(each: Renamed, words: Words) -> str:
    before, after = (
        (words.kinds.get(value, value) if each.attribute == "kind" else value) or words["none"]
        for value in (each.before, each.after)
    )
    return words["renamed"].format(
        code=each.code, attribute=words.attributes[each.attribute], before=before, after=after
    )


def tables(dossier: Dossier, words: Words) -> list[Table]:
    """Old and new cells, cells after with their bounds, and what there is of principles, checks and comments."""
    made = [pieces_table(dossier, words), cells_table(dossier, words)]
    if dossier.measures is not None:
        made.append(measures_table(dossier.measures, words))
    if dossier.checks is not None:
        made.append(checks_table(dossier, dossier.checks, words))
    if dossier.comments:
        made.append(comments_table(dossier, words))
    return made


def pieces_table(dossier: Dossier, words: Words) -> Table:
    """Which old cell gave what to which new one."""
    head = ["step", "old_code", "old_name", "new_code", "new_name", "area_ha", "area_share", "households"]
    rows: list[list[Value]] = []
    for number, step in enumerate(dossier.change.steps, 1):
        for piece in step.pieces:
            old, new = dossier.before.cell(piece.old), dossier.after.cell(piece.new)
            rows.append(
                [
                    number, old.code, old.name, new.code, new.name,
                    round(piece.area_m2 / 1e4, 2), round(piece.area_share, 4),
                    _told(piece.households, step, dossier, words),
                    None
                    if piece.household_share is None and step.told
                    else _told(piece.household_share and round(piece.household_share, 4), step, dossier, words),
                ]
            )  # fmt: skip
    return Table(
        "pieces",
        words["pieces"],
        [words[each] for each in (*head, "household_share")],
        rows,
        notes(dossier, words),
        codes=frozenset({1, 3}),
        shares=frozenset({6, 8}),
    )


def cells_table(dossier: Dossier, words: Words) -> Table:
    """The cells after the change, with their bounds."""
    head = ("code", "name", "kind", "community", "size_ha", "households_of", "sides_of")
    rows: list[list[Value]] = []
    for step in dossier.change.steps:
        for code in step.new:
            cell = dossier.after.cell(code)
            community = dossier.after.areas[cell.community]
            rows.append(
                [
                    cell.code, cell.name, words.kinds[cell.kind], f"{community.name}\n{community.code}",
                    round(dossier.areas_m2[code] / 1e4, 2),
                    _told(step.after[code], step, dossier, words),
                    bounds_of_cell(dossier, code, words),
                ]
            )  # fmt: skip
    return Table(
        "cells",
        words["bounds"],
        [words[each] for each in head],
        rows,
        notes(dossier, words),
        codes=frozenset({0}),
        short=frozenset({2}),
        lines=frozenset({3}),
        wide=frozenset({6}),
    )


def bounds_of_cell(dossier: Dossier, code: str, words: Words) -> str:
    """The bounds of a cell after the change, in words."""
    return words.bounds(dossier.bounds[code], lambda other: words.named(dossier.after.cell(other)))


def measures_table(measures: Sequence[Measure], words: Words) -> Table:
    """The five principles, side by side and never added up."""
    verdicts = {True: words["yes"], False: words["no"], None: words["no_verdict"]}
    head = ("principle", "measure", "before", "after", "passes")
    rows = [
        [
            words.principles[each.principle],
            words.figures.get(each.figure, each.figure),
            shown_figure(each.principle, each.figure, each.before, words),
            shown_figure(each.principle, each.figure, each.after, words),
            verdicts[each.kept],
        ]
        for each in measures
    ]
    return Table("principles", words["principles"], [words[each] for each in head], rows, wide=frozenset({1}))


def checks_table(dossier: Dossier, checks: Sequence[Check], words: Words) -> Table:
    """The certificate, with who waived what and why."""
    rows = []
    for check in checks:
        waived = words["waived_by"].format(check.waived_by, check.waived_because) if check.waived_by else ""
        concerned = (
            words["concerns"].format(words.listed(_names(dossier, check.codes, words))) if check.codes else ""
        )
        # what a check found is said in English only; the codes are the same everywhere
        found = concerned if check.codes and words.language != "en" else check.note
        note = words["semicolon"].join(filter(None, [found, waived]))
        rows.append([words.checks.get(check.key, check.key), words[check.outcome], note])
    head = ("check", "outcome", "note")
    wide, short = frozenset({2}), frozenset({0, 1})
    return Table("certificate", words["certificate"], [words[each] for each in head], rows, short=short, wide=wide)


def _names(dossier: Dossier, codes: Sequence[str], words: Words) -> list[str]:
    """Cells and areas with their names, after the change or else before it; far ones by code alone."""
    named = []
    for code in codes:
        part = next(
            (each for each in (dossier.after, dossier.before) if code in each.at or code in each.areas), None
        )
        if part is None:
            named.append(code)
        elif code in part.at:
            named.append(words.named(part.cell(code)))
        else:
            named.append(words["named"].format(name=part.areas[code].name, code=code))
    return named


def comments_table(dossier: Dossier, words: Words) -> Table:
    """What was said, oldest first."""
    rows = [
        [
            each.who,
            moment(each.when, dossier.city),
            words.listed(_names(dossier, [each.where], words)),
            each.text,
            words["resolved_comment" if each.resolved else "open_comment"],
        ]
        for each in sorted(dossier.comments, key=lambda comment: comment.when)
    ]
    head = ("who", "when", "where", "said", "resolved")
    return Table("comments", words["comments"], [words[each] for each in head], rows, wide=frozenset({3}))


def notes(dossier: Dossier, words: Words) -> list[str]:
    """What must be said of the households: when they were counted, which are not told."""
    if not dossier.change.counted:
        return [words["not_counted_note"]]
    said = []
    if dossier.counted is not None:
        said.append(words["counted_note"].format(*dossier.counted))
    if not all(step.told for step in dossier.change.steps):
        said.append(words["hidden_note"].format(dossier.city.least_people))
    return said


def _told(value: float | None, step: Step, dossier: Dossier, words: Words) -> Value:
    if value is not None:
        return value
    return words["hidden"] if dossier.change.counted and not step.told else words["not_counted"]


def moment(when: datetime, city: City) -> str:
    """A time on the city's clock."""
    return f"{when.astimezone(city.zone):%Y-%m-%d %H:%M}"
