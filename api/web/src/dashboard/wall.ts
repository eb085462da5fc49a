// A wall screen: the cockpit of one place, read again and again, red when it is stale; nobody has to touch it.
import { Api, type Categories, type Category, type City, type Me, type Principles, type ReleaseListed, type Releases, type Staffing } from "../api";
import { number, stepOf } from "./charts";
import { findPlace, inGrid, isStaffOf, Live, OfReleases, rosterOf } from "./data";
import type { Painted } from "./map";
import { readView, settled, type View } from "./url";
import {
  ASKING, categoriesCard, cellsCard, elementsCard, incidentsCard, inGridCard, modeOf, partsCard, principlesCard, staffingCard, trendCard, weekCard,
  type Known, type Model,
} from "./view";
import { tell, told } from "./words";
import { data, h } from "../dom";
import { follow } from "../follow";
import { clock, fullMoment, label, useZone } from "../format";
import { language, locale, useLanguage } from "../language";
import { Refused } from "../service";
import { useTheme } from "../theme";
import { wallMap, type WallMap } from "./wall_map";
import "./page.css";
import "./wall.css";

const REFRESH_MS = 30_000;
const TRY_AGAIN_MS = 5_000;
// Three times that it was not brought up to date: then nobody should take it for now.
const STALE_MS = 90_000;
const PRINCIPLES_EVERY_MS = 10 * 60_000;

const asked = new URLSearchParams(location.search);
const api = new Api(asked.get("key") ?? "");
const view: View = settled(readView(asked.toString()));
useLanguage(asked.get("language") === "en" || (asked.get("language") !== "zh" && language() === "en") ? "en" : "zh");
useTheme(asked.get("theme") === "light" ? "light" : "dark");

const head = h("header", { class: "wall-head" });
const name = h("h1"), mode = h("p", { class: "mode" }), hands = h("p", { class: "clock" }), fresh = h("p", { class: "fresh", role: "status" });
const left = h("section", { class: "wall-map" }), right = h("div", { class: "wall-cards cards" });
const foot = h("footer", { class: "wall-foot" }), legend = h("ul", { class: "legend-list" });
head.append(name, mode, fresh, hands);

let city: City | null = null;
let me: Me | null = null;
let names: readonly Category[] = [];
let releases: readonly ReleaseListed[] = [];
let principles: Known<Principles> = ASKING;
let principlesAt = 0;
let map: WallMap | null = null;
let revision = 0;
let goodAt = 0;
let read = 0;
let refused = "";
let timer = 0;
let busy = false;
let anew = false;

function start(): void {
  document.documentElement.lang = locale();
  document.title = `${tell("wall_title")} · GridMap`;
  document.body.className = "wall";
  document.body.replaceChildren(head, h("main", { class: "wall-main" }, left, right), foot);
  setInterval(tick, 1_000);
  tick();
  follow(api.asking, (heard) => {
    if (heard.revision <= revision) return;
    revision = heard.revision;
    principlesAt = 0;
    void refresh();
  }, (isGone) => {
    if (!isGone && Date.now() - goodAt > REFRESH_MS) void refresh();
  });
  void refresh();
}

/** Reads all of it; what was read last stays until all of the next is there. */
async function refresh(): Promise<void> {
  if (busy) {
    anew = true;
    return;
  }
  busy = true;
  clearTimeout(timer);
  const stop = new AbortController(), late = setTimeout(() => stop.abort(), REFRESH_MS);
  let wait = REFRESH_MS;
  try {
    const model = await readAll(stop.signal);
    map ??= await wallMap(api.asking, new AbortController().signal);
    if (map.root.parentElement !== left) left.replaceChildren(map.root, legend);
    const painted = await map.show(model, Math.max(revision, model.place.revision));
    draw(model, painted);
    goodAt = Date.now();
    document.documentElement.dataset["read"] = String(++read);
    refused = "";
  } catch (error) {
    wait = TRY_AGAIN_MS;
    refused = error instanceof Refused && [401, 403, 404, 422].includes(error.status) ? error.message : "";
    if (!(error instanceof Refused) && !stop.signal.aborted) console.error(error);
  } finally {
    clearTimeout(late);
    busy = false;
  }
  tick();
  if (anew) {
    anew = false;
    wait = 0;
  }
  timer = window.setTimeout(() => void refresh(), wait);
}

async function readAll(stop: AbortSignal): Promise<Model> {
  city ??= await api.get<City>("v1/city", {}, stop);
  useZone(city.timezone);
  if (names.length === 0) names = (await api.get<Categories>("v1/categories", {}, stop)).categories;
  releases = (await api.get<Releases>("v1/releases", {}, stop)).releases;
  const place = await findPlace(api, city, view, stop);
  me = await api.get<Me>("v1/me", {}, stop);
  const staff = isStaffOf(me, place);
  const live = new Live(api, view), released = new OfReleases(api, view, releases);
  const [roster, staffing, parts, trend, week, categories, share] = await Promise.all([
    rosterOf(api, place, stop),
    api.get<Staffing>(`v1/staffing/${encodeURIComponent(place.code)}`, {}, stop),
    staff ? live.parts(place, stop) : released.parts(place, stop),
    staff ? live.trend(place.code, stop) : released.trend(place, place.level, place.code, stop),
    staff ? live.week(place.code, stop) : null,
    staff ? live.categories(place.code, stop) : released.categories(place, place.level, place.code, stop),
    inGrid(api, city, staff && place.code === city.code, releases, stop),
  ]);
  void findPrinciples();
  const there = <T>(value: T): Known<T> => ({ kind: "there", value });
  return {
    view, city, me, place, focus: place, staff, releases, names, elementNames: [], principles,
    roster: there(roster), staffing: there(staffing), parts: there(parts), trend: there(trend), week: there(week), categories: there(categories), inGrid: there(share),
  };
}

/** They change with a revision only, and take seconds where nobody has asked before. */
async function findPrinciples(): Promise<void> {
  if (Date.now() - principlesAt < PRINCIPLES_EVERY_MS) return;
  principlesAt = Date.now();
  try {
    principles = { kind: "there", value: await api.asking.ask<Principles>("v1/revisions/current/principles") };
    anew ||= busy;
    if (!busy) void refresh();
  } catch {
    principlesAt = 0; // with the next reading
  }
}

function draw(model: Model, painted: Painted): void {
  const nothing = (): void => undefined;
  name.replaceChildren(data(label(city!.name, city!.name_en)), ...(model.place.code === city!.code ? [] : [" · ", data(model.place.name)]));
  mode.textContent = modeOf(model);
  right.replaceChildren(...[
    ["cells", cellsCard(model)], ["staffing", staffingCard(model)], ["incidents", incidentsCard(model)], ["elements", elementsCard(model)],
    ["in-grid", inGridCard(model)], ["trend", has(model.trend) ? trendCard(model, nothing) : null], ["categories", has(model.categories) ? categoriesCard(model, nothing) : null],
    ["week", has(model.week) ? weekCard(model, nothing) : null], ["parts", partsCard(model, nothing, nothing)], ["principles", principlesCard(model)],
  ].flatMap(([slot, card]) => (card ? [h("div", { class: `slot slot-${slot as string}` }, card as HTMLElement)] : [])));
  for (const each of right.querySelectorAll("details")) each.remove();
  for (const each of right.querySelectorAll<HTMLElement>("button, a, [tabindex]")) asText(each); // nobody stands at a wall with a mouse
  legend.replaceChildren(h("li", null, told("of", view.of)),
    ...painted.breaks.map((value, at) => h("li", null, h("span", { class: `swatch ramp-${stepOf(value, painted.breaks)}` }),
      at === painted.breaks.length - 1 ? tell("at_least", number(value)) : tell("between", number(value), number(painted.breaks[at + 1]!)))),
    ...(model.staff ? [] : [h("li", null, h("span", { class: "swatch ramp-hidden" }), tell("hidden"))]));
  const notice = city!.notice[language()] ?? "";
  foot.replaceChildren(h("p", null, notice ? h("b", null, notice) : "", " ", city!.attribution));
  document.documentElement.dataset["revision"] = String(model.place.revision);
}

function has(known: Known<unknown>): boolean {
  return known.kind === "there" && known.value !== null;
}

function asText(element: HTMLElement): void {
  if (element.matches("div")) {
    element.removeAttribute("tabindex");
    return;
  }
  const plain = h("span", { class: element.className }, [...element.childNodes]);
  element.replaceWith(plain);
}

/** Once a second: the clock, and how old it all is. */
function tick(): void {
  const now = new Date().toISOString(), age = Date.now() - goodAt;
  if (city) hands.textContent = clock(now);
  const stale = goodAt > 0 && age > STALE_MS;
  document.documentElement.toggleAttribute("data-stale", stale || refused !== "");
  const text = refused ? tell("wall_refused", refused) : goodAt === 0 ? tell("wall_waiting")
    : stale ? tell("wall_stale", span(age)) : tell("wall_fresh", fullMoment(new Date(goodAt).toISOString()));
  if (fresh.textContent !== text) fresh.textContent = text;
}

function span(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return tell("seconds", Math.floor(ms / 1_000));
  return minutes < 60 ? tell("minutes", minutes) : tell("hours", Math.floor(minutes / 60), minutes % 60);
}

start();
