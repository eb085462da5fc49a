"""Dossiers of revisions and drafts: what they say is what PostGIS says, and they are papers that can be signed."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import text

from gridmap.access import OPERATOR
from gridmap.actions.dossiers import draft_dossier, revision_dossier
from gridmap.actions.draft_edits import edit_draft
from gridmap.actions.draft_publish import publish_draft
from gridmap.actions.draft_review import Remark, approve_draft, comment_draft, submit_draft, waive_check
from gridmap.actions.drafts import create_draft
from gridmap.actions.publish import publish
from gridmap.actions.workbench import Workbench
from gridmap.coverage.grid import Grid
from gridmap.errors import NotAllowed, NotFound, NotIdentified, RuleBroken
from gridmap.model import PUBLIC, Actor
from gridmap.papers.dossier import Comment, Dossier, Measure
from gridmap.papers.pages import dossier_html, dossier_pdf
from gridmap.papers.words import LANGUAGES, words_in
from gridmap.papers.workbook import dossier_xlsx
from gridmap.redraw.change import GridChange
from gridmap.store.city import read_city
from gridmap.store.database import Database
from gridmap.store.snapshot import read_grid
from tests.gridmap.papers.reading import fonts_of, loads_from, pages_of, size_mm

PLANNER = Actor("planner", "planner", ("120101",))
OTHER = Actor("other", "planner", ("120101",))
APPROVER = Actor("approver", "approver", ("120101",))
PUBLISHER = Actor("publisher", "publisher", ("120000",))
FIRST, SECOND, THIRD = "120101001008002", "120101001008003", "120101001008004"
ZH = words_in("zh")


@pytest.fixture
def bench() -> Workbench:
    return Workbench()


@pytest.fixture
def a_draft(heping_copy: Database, bench: Workbench) -> Callable[..., int]:
    """A draft of a planner with these edits."""

    def make(*edits: dict[str, Any], name: str = "并格方案") -> int:
        number = create_draft(heping_copy, PLANNER, name).id
        for edit in edits:
            edit_draft(heping_copy, PLANNER, bench, number, edit)
        return number

    return make


# Three with more households together than the city's band allows.
MERGE = {"op": "merge", "cells": [FIRST, SECOND, THIRD]}


@pytest.fixture
def merged(heping_copy: Database, bench: Workbench, a_draft: Callable[..., int]) -> Dossier:
    """The dossier of a merge that is waived, commented and approved."""
    number = a_draft(MERGE)
    submit_draft(heping_copy, PLANNER, bench, number)
    waive_check(heping_copy, PUBLISHER, number, "size_band", "李某（规划科）", "片区改造期内暂合并")
    comment_draft(heping_copy, APPROVER, number, Remark("请说明理由 <b>&", cell=FIRST))
    approve_draft(heping_copy, APPROVER, bench, number)
    return draft_dossier(heping_copy, PLANNER, bench, number)


def scalars(database: Database, query: str, **given: object) -> list[Any]:
    with database.begin(OPERATOR) as connection:
        return list(connection.execute(text(query), given).scalars())


def test_a_draft_has_the_numbers_of_postgis(heping_copy: Database, merged: Dossier) -> None:
    (step,) = merged.change.steps
    assert (step.kind, step.old) == ("merged", (FIRST, SECOND, THIRD))
    for piece in step.pieces:
        households = scalars(
            heping_copy,
            "SELECT coalesce(sum(households), 0) FROM building JOIN element ON element.id = element_id "
            "JOIN cell ON ST_Covers(cell.geom, element.geom) WHERE cell.code = :code",
            code=piece.old,
        )
        area = scalars(
            heping_copy, "SELECT ST_Area(ST_Transform(geom, 4548)) FROM cell WHERE code = :code", code=piece.old
        )
        assert step.before[piece.old] == households[0] >= 10
        assert (piece.households, piece.household_share) == (households[0], 1.0)
        assert piece.area_m2 == pytest.approx(area[0], rel=1e-6)
    assert step.after[step.new[0]] == sum(piece.households or 0 for piece in step.pieces)
    assert merged.counted is not None


def test_it_has_the_five_principles_before_and_after(merged: Dossier) -> None:
    assert merged.measures is not None
    assert {each.principle for each in merged.measures} == {"territory", "streets", "size", "seamless", "fixed"}
    by_name = {each.figure: each for each in merged.measures}
    assert by_name["above_band"].after == by_name["above_band"].before + 1
    assert by_name["area_share_that_changed_cell"].before is None
    assert 0 < by_name["area_share_that_changed_cell"].after < 0.1
    html = dossier_html(merged, ZH)
    assert "街巷定界" in html
    assert f"{by_name['share_15_m'].after:.2%}" in html


def test_it_shows_who_waived_commented_and_approved(merged: Dossier) -> None:
    assert merged.checks is not None
    waived = {check.key: check for check in merged.checks if check.outcome == "waived"}
    assert set(waived) == {"size_band"}
    assert waived["size_band"].codes == (merged.change.new[0],)
    assert (waived["size_band"].waived_by, waived["size_band"].waived_because) == (
        "李某（规划科）",
        "片区改造期内暂合并",
    )
    assert {"coverage", "nested", "outer_line", "codes"} <= {c.key for c in merged.checks if c.outcome == "pass"}
    assert [(each.who, each.where, each.resolved) for each in merged.comments] == [("approver", FIRST, False)]
    assert [(each.level, each.area, each.who) for each in merged.approvals] == [("district", "和平区", "approver")]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_loads_nothing_and_what_people_wrote_is_text(merged: Dossier, lang: str) -> None:
    html = dossier_html(merged, words_in(lang))
    assert loads_from(html) == []
    assert "请说明理由 &lt;b&gt;&amp;" in html
    assert "请说明理由 <b>" not in html
    for needed in (FIRST, SECOND, merged.change.new[0], "李某（规划科）", "片区改造期内暂合并"):
        assert needed in html
    assert merged.city.notice[lang] in html
    assert html.count("<svg") == 2  # before and after


def test_the_pdf_is_a4_with_its_fonts_in_it_and_says_on_each_page_what_it_is_of(merged: Dossier) -> None:
    document = dossier_pdf(merged, ZH)
    assert size_mm(document) == (210, 297)
    fonts = fonts_of(document)
    assert any("CJK" in name for name in fonts)
    assert all(fonts.values()), fonts
    pages = pages_of(document)
    for number, page in enumerate(pages, 1):
        assert f"第 {number} 页 / 共 {len(pages)} 页" in page
        assert "网格第 1 版 · 数据截至" in page
    whole = "".join(pages)
    for heading in (
        "调整事由",
        "调整前后对照图",
        "新旧网格对照表",
        "四至",
        "校验结论",
        "审批签章",
        "东至",
        "签字（盖章）",
    ):
        assert heading in whole
    assert FIRST in whole


def test_the_workbook_has_the_same_and_codes_are_text(merged: Dossier) -> None:
    spiteful = replace(
        merged,
        comments=[Comment("=1+1", merged.made_at, "", '=HYPERLINK("http://x")\x0b', resolved=True)],
        measures=[Measure("streets", "share_15_m", 0.81, 0.84, True)],
    )
    book = load_workbook(io.BytesIO(dossier_xlsx(spiteful, ZH)))
    assert book.sheetnames == [
        "摘要",
        "新旧网格对照表",
        "调整后网格四至",
        "五项划分原则对照",
        "校验结论",
        "意见与异议",
    ]
    sheet = book["新旧网格对照表"]
    assert [cell.value for cell in sheet[2]][1:4:2] == [FIRST, merged.change.new[0]]
    assert (sheet["B2"].data_type, sheet["B2"].number_format) == ("s", "@")
    assert (sheet["G2"].value, sheet["G2"].number_format) == (1.0, "0.0%")
    kinds = {cell.data_type for page in book for row in page.iter_rows() for cell in row}
    assert "f" not in kinds
    assert book["意见与异议"]["A2"].value == "=1+1"


def test_few_households_show_nowhere(heping_copy: Database, bench: Workbench, a_draft: Callable[..., int]) -> None:
    """With a bound above what there is, no form of the dossier has a number of the step."""
    dossier = draft_dossier(heping_copy, PLANNER, bench, a_draft(MERGE))
    numbers = [str(number) for step in dossier.change.steps for number in step.before.values()]
    with heping_copy.begin(OPERATOR) as connection:
        connection.execute(text("UPDATE city SET settings = jsonb_set(settings, '{least_people}', '100000')"))
    hidden = draft_dossier(heping_copy, PLANNER, Workbench(), a_draft(MERGE))
    html, shown = dossier_html(hidden, ZH), dossier_html(dossier, ZH)
    for number in numbers:
        assert f'<td class="number">{number}</td>' in shown
        assert f'<td class="number">{number}</td>' not in html
    assert "小于 100000 的户数" in html
    book = load_workbook(io.BytesIO(dossier_xlsx(hidden, ZH)))
    values = {cell.value for page in book for row in page.iter_rows() for cell in row}
    assert not values & {int(number) for number in numbers}


def test_who_may_not_see_the_draft_sees_no_dossier(
    heping_copy: Database, bench: Workbench, a_draft: Callable[..., int]
) -> None:
    number = a_draft(MERGE)
    with pytest.raises(NotFound, match="no draft"):
        draft_dossier(heping_copy, OTHER, bench, number)
    with pytest.raises(NotIdentified):
        draft_dossier(heping_copy, PUBLIC, bench, number)
    with pytest.raises(RuleBroken, match="changes nothing"):
        draft_dossier(heping_copy, PLANNER, bench, a_draft())


def test_a_published_draft_has_its_papers_as_a_revision(
    heping_copy: Database, bench: Workbench, a_draft: Callable[..., int]
) -> None:
    number = a_draft(MERGE)
    before = draft_dossier(heping_copy, PLANNER, bench, number)
    submit_draft(heping_copy, PLANNER, bench, number)
    for check in ("size_band", "street_share", "staffed"):
        waive_check(heping_copy, PUBLISHER, number, check, "李某", "测试")
    approve_draft(heping_copy, APPROVER, bench, number)
    done = publish_draft(heping_copy, PUBLISHER, bench, number)
    with pytest.raises(RuleBroken, match=f"see the dossier of revision {done.published.revision.number}"):
        draft_dossier(heping_copy, PLANNER, bench, number)
    after = revision_dossier(heping_copy, PUBLISHER, done.published.revision.number)
    assert after.change == before.change
    assert after.bounds == before.bounds
    assert (after.subject.draft, after.subject.author) == (number, "planner")
    assert [each.level for each in after.approvals] == ["district"]


def test_a_change_of_areas_alone_has_a_dossier_too(heping_copy: Database, bench: Workbench) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        grid: Grid = read_grid(connection, read_city(connection))
    area = replace(grid.areas["120101001001"], name="新名社区")
    begins = grid.revision.valid_from + timedelta(days=1)
    change = GridChange(frozenset(), {}, areas_drawn={area.code: area})
    publish(heping_copy, OPERATOR, 1, change, begins, "更名", lambda _: None)
    found = revision_dossier(heping_copy, Actor("one", "viewer", ("120101001",)), 2)
    assert [(each.code, each.after) for each in found.change.areas_renamed] == [(area.code, "新名社区")]
    assert "改为“新名社区”" in dossier_html(found, ZH)
    with pytest.raises(NotAllowed, match=area.code):
        revision_dossier(heping_copy, Actor("two", "viewer", ("120101002",)), 2)


def test_a_revision_is_for_staff_of_all_that_it_changed(heping_copy: Database) -> None:
    with heping_copy.begin(OPERATOR) as connection:
        grid: Grid = read_grid(connection, read_city(connection))
    kept = grid.cell("120101002002008")
    shape = grid.index.degrees[grid.by_code[kept.code]]
    from gridmap.redraw.change import DrawnCell  # noqa: PLC0415

    drawn = {kept.code: DrawnCell("新名", kept.kind, kept.community, kept.services, shape)}
    begins = grid.revision.valid_from + timedelta(days=1)
    publish(heping_copy, OPERATOR, 1, GridChange(frozenset(), drawn), begins, "更名", lambda _: None)
    found = revision_dossier(heping_copy, Actor("one", "viewer", ("120101002",)), 2)
    assert [(each.attribute, each.after) for step in found.change.steps for each in step.renamed] == [
        ("name", "新名")
    ]
    with pytest.raises(NotAllowed, match=kept.code):
        revision_dossier(heping_copy, Actor("two", "viewer", ("120101001",)), 2)
    with pytest.raises(NotIdentified):
        revision_dossier(heping_copy, PUBLIC, 2)
    for number in (1, 3):
        with pytest.raises(NotFound):
            revision_dossier(heping_copy, OPERATOR, number)
    assert dossier_html(found, ZH).count("<svg") == 1  # no boundary moved
