"""A dossier as a page, which prints well and loads nothing, and as a PDF. Imports its neighbours."""

from __future__ import annotations

from gridmap.papers.dossier import (
    Dossier,
    Table,
    Value,
    cells_table,
    checks_table,
    comments_table,
    measures_table,
    moment,
    pieces_table,
    sentences,
)
from gridmap.papers.figures import figures_of
from gridmap.papers.printing import page, pdf
from gridmap.papers.words import Words


def dossier_html(dossier: Dossier, words: Words) -> str:
    """The whole dossier as one page of HTML."""
    subject, city = dossier.subject, dossier.city
    before, between, after = words["page"].partition("{}")[0], *words["page"].partition("{}")[2].split("{}")
    base = words["revision"].format(subject.base.number)
    title = subject.title or words["from_to"].format(subject.base.number, subject.base.number + 1)
    heading = words["dossier" if subject.result is None else "dossier_published"]
    values = {
        "words": words,
        "title": title,
        "city": words.city(city),
        "heading": heading,
        "head_left": f"{words.city(city)} · {heading}",
        "head_right": title[:40],
        "foot": f"{base} · {words['data_as_of']} {moment(dossier.data_as_of, city)}",
        "page_before": before,
        "page_between": between,
        "page_after": after,
        "facts": _facts(dossier, words),
        "notices": [words["notice"].format(notice) for notice in words.notices(city)],
        "reasons": subject.reasons.strip() or words["no_reasons"],
        "in_numbers": words["in_numbers"].format(
            old=len(dossier.change.old),
            new=len(dossier.change.new),
            area=f"{sum(dossier.areas_m2.values()) / 1e4:,.2f}",
        ),
        "sentences": sentences(dossier, words),
        "figures": [
            {
                "before": figure.before,
                "after": figure.after,
                "colours": list(dict.fromkeys([*figure.old.values(), *figure.new.values()])),
            }
            for figure in figures_of(dossier)
        ],
        "map_before": words["map_before"].format(subject.base.number),
        "map_notes": [
            words["no_base_map"],
            words["source"].format(city.attribution),
            *(words["notice"].format(notice) for notice in words.notices(city)),
        ],
        "pieces": _shown(pieces_table(dossier, words)),
        "cells": _shown(cells_table(dossier, words)),
        "measures": None if dossier.measures is None else _shown(measures_table(dossier.measures, words)),
        "checks": None if dossier.checks is None else _shown(checks_table(dossier, dossier.checks, words)),
        "comments": _shown(comments_table(dossier, words)) if dossier.comments else None,
        "approvals": _approvals(dossier, words),
        "ending": [
            words["source"].format(city.attribution),
            *(words["notice"].format(notice) for notice in words.notices(city)),
            f"{words['made_by']} · {words['made_at']} {moment(dossier.made_at, city)}",
        ],
    }
    return page("dossier.html", values)


def dossier_pdf(dossier: Dossier, words: Words) -> bytes:
    """The same printed on A4."""
    return pdf(dossier_html(dossier, words))


def _facts(dossier: Dossier, words: Words) -> list[tuple[str, str]]:
    subject, city = dossier.subject, dossier.city
    facts = [(words["city"], f"{words.city(city)} {city.code}")]
    if subject.draft is not None:
        facts.append((words["draft"], words["draft_number"].format(subject.draft)))
    facts.append((words["state"], words.states[subject.state]))
    facts.append((words["base"], words["revision"].format(subject.base.number)))
    if subject.result is None:
        facts.append((words["result"], words["not_yet"]))
    else:
        facts.append((words["result"], words["revision"].format(subject.result.number)))
        facts.append((words["valid_from"], moment(subject.result.valid_from, city)))
        facts.append((words["published_at"], moment(subject.result.published_at, city)))
    if subject.author:
        facts.append((words["author"], subject.author))
    if subject.result is None:
        facts.append((words["dated"], moment(subject.dated, city)))
    facts.append((words["data_as_of"], moment(dossier.data_as_of, city)))
    facts.append((words["made_at"], moment(dossier.made_at, city)))
    return facts


def _approvals(dossier: Dossier, words: Words) -> list[tuple[str, str]]:
    """Whoever drew it up, then from the lowest level up to the city who approved it there; with room to sign."""
    rows = [(words["author"], dossier.subject.author)]
    for level in reversed(dossier.city.levels):
        given = [
            f"{each.area}{words['semicolon']}"
            + words["approved_by"].format(each.who, moment(each.when, dossier.city))
            for each in dossier.approvals
            if each.level == level
        ]
        rows.append(("\n".join([words.level(level), *_areas_at(dossier, level)]), "\n".join(given)))
    return rows


def _areas_at(dossier: Dossier, level: str) -> list[str]:
    """The names of the areas of a level that have cells which change, before or after."""
    changed = ((dossier.before, dossier.change.old), (dossier.after, dossier.change.new))
    names = {
        area.code: area.name
        for part, codes in changed
        for code in codes
        for area in part.chain(code)
        if area.level == level
    }
    return [name for _, name in sorted(names.items())]


def _shown(table: Table) -> dict[str, object]:
    """A table as text, each value with its class."""
    rows = [[_cell(value, at, table) for at, value in enumerate(row)] for row in table.rows]
    return {"head": table.head, "rows": rows, "notes": table.notes}


def _cell(value: Value, at: int, table: Table) -> tuple[str, str]:
    """A value as text, and the class that it is shown in."""
    if isinstance(value, str):
        classes = {"code": table.codes, "short": table.short, "lines": table.lines}
        return value, next((name for name, columns in classes.items() if at in columns), "")
    if value is None:
        return "—", "number"
    if at in table.shares:
        return f"{value:.1%}", "number"
    return (f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"), "number"
