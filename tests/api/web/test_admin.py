"""The admin's desk in Chromium: keys, roles, loads, rosters and the trace, for whoever may and who may not."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page

from gridmap.access import ALLOWED, OPERATOR, TABLE, TABLE_ROLES, Action
from gridmap.actions.keys import create_key
from gridmap.actions.sessions import open_session
from gridmap.cluster import APPLICATION
from gridmap.model import Actor
from gridmap.store.database import Database
from tests.api.web.test_dispatcher import WAIT_MS

WEB = Path(__file__).parents[3] / "api" / "web"
CITY, DISTRICT = "120000", "120101"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
HERE = (117.195, 39.118)
ZONE = ZoneInfo("Asia/Shanghai")

Json = dict[str, Any]
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def office(live_server: Any, make_copy: Callable[..., Any]) -> Iterator[Any]:
    """A copy of Heping on a port, served by the role that the database's policies bind."""
    with (
        make_copy("heping_admin") as database,
        live_server(Database(database.url.set(username=APPLICATION))) as running,
    ):
        yield running


def opened(running: Any, open_page: Open, role: str, place: str, *territories: str, **options: Any) -> Any:
    """The page with somebody of a role logged in."""
    actor = Actor(f"{role}-1", role, territories or (CITY,))
    cookie = open_session(running.service.database, actor, datetime.now(UTC) + timedelta(hours=1))
    cookies = [{"name": "gridmap", "value": cookie, "domain": "127.0.0.1", "path": "/"}]
    state = {"storage_state": {"cookies": cookies}, "viewport": DESKTOP, **options}
    return open_page(f"{running.url}/admin{place}", **state)


def quiet(watched: Any, running: Any) -> None:
    """No request to another host, and no word on the console."""
    assert [each for each in watched.requests if not each.startswith((f"{running.url}/", "blob:", "data:"))] == []
    assert watched.complaints == []


def key_of(running: Any, who: str, role: str, *territories: str) -> str:
    key = create_key(running.service.database, OPERATOR, Actor(who, role, territories or (CITY,)), "a test", None)
    running.service.current.refresh()
    return key


def asked(running: Any, path: str, key: str = "", body: Json | None = None) -> tuple[int, Any]:
    """What the service itself says, past the page: status and answer."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{running.url}/{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())


def until(page: Page, what: Callable[[], bool]) -> None:
    for _ in range(WAIT_MS // 200):
        if what():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it was never so")


def test_a_key_is_given_out_seen_once_revoked_and_then_refused(office: Any, open_page: Open) -> None:
    watched = opened(office, open_page, "system_admin", "")
    page = watched.page
    page.click("#new-key summary", timeout=WAIT_MS)
    page.fill("#key-holder", "desk-heping")
    page.fill("#key-label", "和平区值班台")
    page.select_option("#key-role", "viewer")
    page.wait_for_selector("#role-may", timeout=WAIT_MS)
    assert page.input_value("#key-holder") == "desk-heping", "what is typed stays when the page is drawn anew"
    page.fill("#key-territories", DISTRICT)
    page.check("#scope-read")
    page.click("#give-key")
    page.wait_for_selector("#key-text", timeout=WAIT_MS)
    text = page.input_value("#key-text")
    assert text.startswith("gm_")
    assert "只显示这一次" in page.inner_text(".given")
    until(page, lambda: asked(office, "v1/me", text)[0] == 200)
    status, me = asked(office, "v1/me", text)
    assert (status, me["role"], me["territories"], me["scopes"]) == (200, "viewer", [DISTRICT], ["read"])
    row = page.locator("tr[data-key^='desk-heping-']")
    assert "和平区值班台" in row.inner_text()
    assert f"和平区 {DISTRICT}" in row.inner_text(), "codes stand with their names"
    assert text not in row.inner_html()
    page.click("#key-kept")
    page.reload()
    page.wait_for_selector("tr[data-key^='desk-heping-']", timeout=WAIT_MS)
    assert text not in page.content()

    row.locator("button[data-revoke]").click()
    assert page.evaluate("document.activeElement.id") == "confirm-no", "nothing is revoked by a slip"
    page.keyboard.press("Escape")
    assert asked(office, "v1/me", text)[0] == 200
    row.locator("button[data-revoke]").click()
    page.click("#confirm-yes")
    page.wait_for_selector(".banner.good:has-text('desk-heping 的密钥已吊销')", timeout=WAIT_MS)
    until(page, lambda: asked(office, "v1/me", text)[0] == 401)
    page.wait_for_selector("tr[data-key^='desk-heping-']", state="detached", timeout=WAIT_MS)
    page.click("#keys-ended")
    page.wait_for_selector("tr[data-key^='desk-heping-'] .pill.revoked", timeout=WAIT_MS)
    assert page.url.endswith("#tab=keys&state=ended")
    quiet(watched, office)


def test_a_publishable_key_needs_origins_and_what_is_refused_is_said(office: Any, open_page: Open) -> None:
    page = opened(office, open_page, "key_admin", "#tab=keys", DISTRICT).page
    page.click("#new-key summary", timeout=WAIT_MS)
    roles = page.locator("#key-role option").evaluate_all("each => each.map(one => one.value)")
    assert set(roles) - {""} == {
        "public",
        "viewer",
        "dispatcher",
        "caseworker",
        "planner",
        "approver",
        "publisher",
    }
    page.fill("#key-holder", "wall")
    page.fill("#key-label", "大厅屏")
    page.select_option("#key-role", "public")
    page.wait_for_selector("#key-origins", timeout=WAIT_MS)
    assert page.locator("#key-territories, #scope-read").count() == 0
    page.fill("#key-origins", "not an origin")
    page.click("#give-key")
    page.wait_for_selector("#new-key .problem:has-text('填写有误')", timeout=WAIT_MS)
    assert "https://maps.example" in page.inner_text("#new-key .problem")
    page.fill("#key-origins", "https://maps.example https://wall.example:8443")
    page.click("#give-key")
    page.wait_for_selector("#key-text", timeout=WAIT_MS)
    assert page.input_value("#key-text").startswith("pk_")
    page.fill("#find-key", "大厅")
    page.wait_for_selector("tr[data-key]:visible", timeout=WAIT_MS)
    assert page.locator("tr[data-key]:visible").count() == 1
    page.fill("#find-key", "nothing like it")
    assert page.locator("tr[data-key]:visible").count() == 0


def test_the_table_of_roles_is_the_one_that_the_service_keeps_to(office: Any, open_page: Open) -> None:
    watched = open_page(f"{office.url}/admin", viewport=DESKTOP, locale="en-GB")
    page = watched.page
    page.wait_for_selector(".matrix tr[data-action]", timeout=WAIT_MS)
    seen = page.evaluate(
        "[...document.querySelectorAll('.matrix tr[data-action]')]"
        ".map(row => [row.dataset.action, [...row.cells].slice(1).map(each => each.innerText.trim() !== '')])"
    )
    assert seen == [[right.action.name, [role in right.bounds for role in TABLE_ROLES]] for right in TABLE]
    page.click("#role-caseworker")
    page.wait_for_selector(".one-role[data-role='caseworker']", timeout=WAIT_MS)
    assert page.locator(".one-role dd").count() == sum("caseworker" in roles for roles in ALLOWED.values())
    assert page.url.endswith("#tab=roles&role=caseworker")
    quiet(watched, office)


def incident(number: str, **more: Any) -> Json:
    lon, lat = HERE
    when = "2026-11-02T03:00:00+08:00"
    return {"id": number, "lon": lon, "lat": lat, "category": "noise", "happened_at": when} | more


def test_a_loads_rejected_rows_are_seen_and_taken_along(office: Any, open_page: Open) -> None:
    key = key_of(office, "hotline", "dispatcher")
    given = [incident("1"), incident("2", category="dragons"), incident("=1+1", happened_at="yesterday")]
    given += [incident("7", reporter="13812345678"), incident("1")]
    status, answer = asked(office, "v1/incidents", key, {"crs": "wgs84", "source": "hotline", "incidents": given})
    assert (status, answer["counts"]["rejected"]) == (200, 4)

    watched = opened(office, open_page, "caseworker", "")
    page = watched.page
    page.click(f"tr[data-load='{answer['load']}'] a", timeout=WAIT_MS)
    page.wait_for_selector("tr[data-line]", timeout=WAIT_MS)
    assert page.url.endswith(f"#tab=loads&load={answer['load']}")
    assert page.locator(".facts.large dd").all_inner_texts() == ["5", "1", "0", "4"]
    lines = page.locator("tr[data-line]").evaluate_all("each => each.map(row => row.dataset.line)")
    _, told = asked(office, f"v1/loads/{answer['load']}/rejected", key)
    assert lines == [str(row["line"]) for row in told["rows"]]
    assert len(lines) == 4
    for row in told["rows"]:
        assert row["reason"] in page.inner_text(f"tr[data-line='{row['line']}']")
    assert "13812345678" not in page.content()
    with page.expect_download() as saving:
        page.click("#save-csv")
    content = Path(saving.value.path()).read_text(encoding="utf-8-sig")
    assert content.splitlines()[0].startswith("file,line,reason,")
    assert len(content.splitlines()) == 5
    assert "'=1+1" in content, "what a spreadsheet would take for a formula stands behind an apostrophe"
    page.click("#to-loads")
    page.wait_for_selector("tr[data-load]", timeout=WAIT_MS)
    quiet(watched, office)


def a_worker(running: Any) -> tuple[str, str, datetime]:
    """A post of a cell, its cell, and a time to come at which somebody is there by its rules."""
    _, found = asked(running, "v1/posts?level=cell&limit=40")
    now = datetime.now(ZONE).replace(minute=0, second=0, microsecond=0)
    for post in found["posts"]:
        for hours in range(24, 72, 3):
            at = now + timedelta(hours=hours)
            turns = on_duty(running, post["territory"], post["code"], at)
            if len(turns) == 1 and turns[0]["stands_in_for"] is None:
                return post["code"], post["territory"], at
    raise AssertionError("nobody works")


def on_duty(running: Any, cell: str, post: str, at: datetime, key: str = "") -> list[Json]:
    _, roster = asked(running, f"v1/cells/{cell}/roster?at={at:%Y-%m-%dT%H:%M:%S}%2B08:00", key)
    turns: list[Json] = next(each["on_duty"] for each in roster["posts"] if each["code"] == post)
    return turns


def test_leave_is_entered_and_the_dispatcher_is_told_who_comes(office: Any, open_page: Open) -> None:
    post, cell, at = a_worker(office)
    (before,) = on_duty(office, cell, post, at)
    watched = opened(office, open_page, "dispatcher", f"#tab=rosters&area={cell}&level=cell", DISTRICT)
    page = watched.page
    card = f"li[data-post='{post}']"
    page.click(f"{card} summary:has-text('登记请假')", timeout=WAIT_MS)
    holder = page.locator(f"[id='holder-{post}'] option", has_text=before["holder"]).first.get_attribute("value")
    page.select_option(f"[id='holder-{post}']", holder)
    page.fill(f"[id='begins-{post}']", f"{at:%Y-%m-%dT%H:%M}")
    page.fill(f"[id='ends-{post}']", f"{at + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    page.select_option(f"[id='substitute-{post}']", "*")
    page.fill(f"[id='substitute-code-{post}']", "T-REL")
    page.fill(f"[id='substitute-name-{post}']", "替班（试）")
    page.click(f"[id='exception-{post}'] form button.primary")
    page.wait_for_selector("#exception-saved:has-text('替班（试）')", timeout=WAIT_MS)
    assert f"替 {before['holder']}" in page.inner_text("#exception-saved")
    (then,) = on_duty(office, cell, post, at, key_of(office, "desk-1", "dispatcher"))
    assert (then["holder"], then["stands_in_for"]) == ("替班（试）", before["holder"])
    (after,) = on_duty(office, cell, post, at + timedelta(hours=24 * 7))
    assert after["holder"] == before["holder"], "leave ends"

    page.click(f"{card} tr[data-exception]:has-text('替班（试）') button[data-withdraw]")
    page.click("#confirm-yes")
    page.wait_for_selector(".banner.good:has-text('已撤销：请假')", timeout=WAIT_MS)
    page.wait_for_selector(f"{card} tr[data-exception]:has-text('替班（试）')", state="detached", timeout=WAIT_MS)
    (again,) = on_duty(office, cell, post, at)
    assert again["holder"] == before["holder"], "the weekly rules hold again"

    page.click(f"{card} summary:has-text('登记每周班次')")
    page.select_option(f"[id='shift-holder-{post}']", "*")
    page.fill(f"[id='shift-holder-code-{post}']", "T-NEW")
    page.fill(f"[id='shift-holder-name-{post}']", "新人（试）")
    for day in page.locator(f"[id='days-{post}'] input").all():
        day.check()
    page.fill(f"[id='starts-{post}']", f"{at - timedelta(hours=1):%H:%M}")
    page.fill(f"[id='until-{post}']", f"{at + timedelta(hours=1):%H:%M}")
    page.click(f"[id='shift-{post}'] form button.primary")
    page.wait_for_selector("#shift-saved:has-text('新人（试）')", timeout=WAIT_MS)
    page.wait_for_selector(f"{card} tr[data-shift]:has-text('新人（试）')", timeout=WAIT_MS)
    assert "新人（试）" in [turn["holder"] for turn in on_duty(office, cell, post, at)]

    rules = page.locator(f"{card} tr[data-shift]")
    many = rules.count()
    number = rules.first.get_attribute("data-shift")
    rules.first.locator("button[data-end]").click()
    page.click("#confirm-yes")
    page.wait_for_selector(".banner.good:has-text('规则已结束')", timeout=WAIT_MS)
    _, left = asked(office, f"v1/shifts?post={post}")
    assert len(left["shifts"]) == many - 1
    assert int(number or 0) not in [each["id"] for each in left["shifts"]]
    quiet(watched, office)


def test_codes_of_holders_are_for_those_who_may_write_there(office: Any, open_page: Open) -> None:
    post, cell, _ = a_worker(office)
    path = f"v1/shifts?post={post}"
    elsewhere = "120101002" if cell.startswith("120101001") else "120101001"
    for key in ("", key_of(office, "far", "dispatcher", elsewhere), key_of(office, "v", "viewer")):
        assert {each["holder_code"] for each in asked(office, path, key)[1]["shifts"]} == {None}
    mine = asked(office, path, key_of(office, "near", "dispatcher", cell))[1]["shifts"]
    assert all(each["holder_code"] for each in mine)
    page = opened(office, open_page, "viewer", f"#tab=rosters&area={cell}&level=cell").page
    page.wait_for_selector(f"li[data-post='{post}'] tr[data-shift]", timeout=WAIT_MS)
    assert "调度员" in page.inner_text("#may-not-write")
    assert page.locator("button[data-end], .post form").count() == 0


def test_the_trace_is_searched_by_who_and_what_and_goes_on_to_older_entries(office: Any, open_page: Open) -> None:
    database = office.service.database
    for number in range(60):
        create_key(database, Actor("chief", "system_admin", (CITY,)), Actor(f"k-{number}", "viewer", (CITY,)), "t")
    office.service.trail.work()
    watched = opened(office, open_page, "auditor", "")
    page = watched.page
    page.wait_for_selector("tr[data-seq]", timeout=WAIT_MS)
    page.fill("#audit-by", "chief")
    page.fill("#audit-action", "key")
    page.click("#audit-search")
    page.wait_for_selector("#older", timeout=WAIT_MS)
    assert "by=chief" in page.url
    first = page.locator("tr[data-seq]").evaluate_all("each => each.map(row => Number(row.dataset.seq))")
    assert len(first) == 50
    assert page.locator("button[data-by]").evaluate_all(
        "all => [...new Set(all.map(each => each.dataset.by))]"
    ) == ["chief"]
    page.click("#older")
    page.wait_for_selector("#newest", timeout=WAIT_MS)
    page.wait_for_selector("tr[data-seq]", timeout=WAIT_MS)
    rest = page.locator("tr[data-seq]").evaluate_all("each => each.map(row => Number(row.dataset.seq))")
    assert len(rest) == 10
    assert max(rest) < min(first)
    page.fill("#audit-ref", "P-00017")
    page.click("#audit-search")
    page.wait_for_selector(".empty:has-text('没有符合的记录')", timeout=WAIT_MS)
    assert "P-00017" not in page.url
    quiet(watched, office)


@pytest.mark.parametrize(
    ("tab", "action"), [("keys", Action.GIVE_KEYS), ("loads", Action.READ_LOADS), ("audit", Action.READ_AUDIT)]
)
def test_who_may_not_is_told_which_roles_may(office: Any, open_page: Open, tab: str, action: Action) -> None:
    watched = opened(office, open_page, "viewer", f"#tab={tab}", locale="en-GB")
    page = watched.page
    page.wait_for_selector(f".no-way[data-needs='{action.name}']", timeout=WAIT_MS)
    assert "Your role (viewer) may not see this" in page.inner_text(".no-way")
    named = page.locator(".no-way li").evaluate_all("each => each.map(one => one.dataset.role)")
    assert set(named) == ALLOWED[action]
    asked_for = [each for each in watched.requests if re.search(r"/v1/(keys|loads|audit)", each)]
    assert asked_for == [], "what one may not see is not asked for"
    quiet(watched, office)


def test_a_stranger_logs_in_and_comes_back_to_what_was_sent(office: Any, open_page: Open) -> None:
    key = key_of(office, "inspector", "auditor")
    page = open_page(f"{office.url}/admin#tab=audit&by=chief", viewport=DESKTOP).page
    page.click(".no-way a.button.primary", timeout=WAIT_MS)
    page.fill("#key", key)
    page.click("form button")
    page.wait_for_selector("#audit-by", timeout=WAIT_MS)
    assert page.input_value("#audit-by") == "chief"
    assert "by=chief" in page.url


def test_the_tabs_are_walked_by_keyboard_and_by_the_browsers_way_back(office: Any, open_page: Open) -> None:
    page = opened(office, open_page, "system_admin", "#tab=keys", locale="en-GB").page
    page.wait_for_selector("#new-key", timeout=WAIT_MS)
    page.focus("#tab-keys")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".matrix", timeout=WAIT_MS)
    assert page.evaluate("document.activeElement.id") == "tab-roles"
    assert page.title() == "Roles · Admin · GridMap"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".no-way[data-needs='READ_AUDIT']", timeout=WAIT_MS)
    page.go_back()
    page.wait_for_selector("#new-key", timeout=WAIT_MS)
    page.click("#language")
    page.wait_for_selector("#tab-keys:has-text('密钥')", timeout=WAIT_MS)


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
def test_axe_finds_nothing_serious(office: Any, open_page: Open, scheme: str, size: Json, pictures: Path) -> None:
    axe = (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    key_of(office, "seen-by-axe", "viewer")
    _, cell, _ = a_worker(office)
    looked_at = [
        ("system_admin", "keys&find=seen-by-axe", "#new-key"),
        ("system_admin", "roles", ".matrix"),
        ("dispatcher", "loads", "table, .empty"),
        ("system_admin", "roles&role=key_admin", ".one-role"),
        ("system_admin", "keys&find=seen-by-axe", "#new-key"),
        ("dispatcher", f"rosters&area={cell}&level=cell", ".post"),
        ("auditor", "audit", "tr[data-seq], .empty"),
        ("viewer", "keys", ".no-way"),
    ]
    half = looked_at[::2] if scheme == "light" else looked_at[1::2]
    for role, place, there in half:
        page = opened(office, open_page, role, f"#tab={place}", color_scheme=scheme, viewport=size).page
        page.wait_for_selector(there, timeout=WAIT_MS)
        for each in page.locator("#new-key > summary, .post > details > summary").all():
            each.click()
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        grave = [
            (each["id"], [node["html"] for node in each["nodes"]][:3])
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert grave == [], place
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is cut off"
        page.screenshot(path=pictures / f"admin-{scheme}-{role}-{place[:8]}.png", full_page=True)


def test_it_works_under_a_path_of_a_proxy(live_server: Any, heping_served: Database, open_page: Open) -> None:
    with live_server(Database(heping_served.url), path="/gridmap") as running:
        watched = open_page(f"{running.url}/gridmap/admin#tab=keys", viewport=DESKTOP)
        watched.page.wait_for_selector(".no-way", timeout=WAIT_MS)
        assert watched.page.get_attribute(".no-way a", "href") == "login?next=%2Fgridmap%2Fadmin"
        assert all(each.startswith((f"{running.url}/gridmap/", "data:")) for each in watched.requests)
        assert watched.complaints == []
