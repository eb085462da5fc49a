// The cockpit: the numbers of any area from the city down to one cell, its map, and the way to each of its parts.
import { Api, type Categories, type Category, type Principles, type ReleaseListed, type Releases, type Staffing } from "../api";
import { breaksOf } from "./charts";
import { findPlace, heatmapQuery, hexesOf, inGrid, isStaffOf, Live, OfReleases, rosterOf, type Counted, type Part, type Place } from "./data";
import type { CockpitMap, Painted } from "./map";
import { readView, settled, writeView, type View } from "./url";
import { ASKING, type Known, type Model } from "./view";
import { cockpitFrame } from "./frame";
import { tell } from "./words";
import { h } from "../dom";
import { follow, type News } from "../follow";
import { moment } from "../format";
import { problemOf } from "../problem_view";
import { Refused } from "../service";
import { Shell } from "../shell";
import "../parts.css";
import "./page.css";

// Live counts are asked for again this often while somebody looks.
const REFRESH_MS = 60_000;

const api = new Api();
const shell = new Shell(api, "dashboard", draw);
const frame = cockpitFrame({ change, open });

let view: View = readView(location.hash);
let model: Model | null = null;
let problem: unknown = null;
let names: readonly Category[] = [];
let elementNames: readonly Category[] = [];
let releases: readonly ReleaseListed[] = [];
let principles: Known<Principles> = ASKING;
let hexes: { readonly query: string; readonly found: GeoJSON.FeatureCollection } | null = null;
let map: CockpitMap | null = null;
let known = 0;
let goneSince: string | null = null;
let degraded: News["degraded"] = null;
let stop = new AbortController();
let namesFound = Promise.resolve();

async function start(): Promise<void> {
  addEventListener("popstate", () => void go(readView(location.hash), false));
  addEventListener("hashchange", () => {
    if (location.hash !== writeView(view)) void go(readView(location.hash), false);
  });
  namesFound = findNames();
  await shell.start();
  follow(api.asking, hear, lost);
  const first = go(view, false);
  void import("./map").then(({ CockpitMap }) => {
    map = new CockpitMap(frame.stage, api.asking, (code) => change({ pick: code === view.pick ? "" : code }), frame.tellMap);
    map.show(known);
    paint();
  });
  await first;
  void findPrinciples();
  setInterval(() => {
    if (!document.hidden && !goneSince) void go(view, false, true);
  }, REFRESH_MS);
}

async function findNames(): Promise<void> {
  const [incidents, elements, listed] = await Promise.all([
    api.get<Categories>("v1/categories").catch(() => ({ categories: [] })),
    api.get<Categories>("v1/categories", { of: "element" }).catch(() => ({ categories: [] })),
    api.get<Releases>("v1/releases").catch(() => ({ releases: [] })),
  ]);
  names = incidents.categories;
  elementNames = elements.categories;
  releases = listed.releases;
}

/** Whoever asks first of a revision waits while it is measured: longer than for anything else. */
async function findPrinciples(): Promise<void> {
  try {
    principles = { kind: "there", value: await api.asking.ask<Principles>("v1/revisions/current/principles") };
  } catch (error) {
    principles = { kind: "problem", error };
  }
  set({ principles });
}

function change(wanted: Partial<View>): void {
  void go(settled({ ...view, ...wanted }), true);
}

function open(part: { readonly code: string }, level: string): void {
  const isCity = part.code === shell.city?.code;
  void go({ ...view, area: isCity ? "" : part.code, level: level === "cell" ? "cell" : "", pick: "" }, true);
}

/** Shows a view; `quietly` asks for its numbers again and leaves what is there until they have come. */
async function go(wanted: View, push: boolean, quietly = false): Promise<void> {
  stop.abort();
  const mine = (stop = new AbortController());
  const samePlace = model !== null && wanted.area === view.area;
  view = wanted;
  if (push) history.pushState(null, "", writeView(view) || location.pathname + location.search);
  if (!shell.city) return;
  if (!samePlace) {
    model = null;
    problem = null;
    draw();
  }
  try {
    const place = samePlace && !quietly ? model!.place : await findPlace(api, shell.city, view, mine.signal);
    if (mine.signal.aborted) return;
    const picked = place.parts.find((each) => each.code === view.pick);
    const focus = picked ? { ...picked, level: place.partLevel! } : place;
    const staff = isStaffOf(shell.me, place);
    if (!staff) view = { ...view, weekday: "", hour: "" }; // releases know no hours
    const before = samePlace && model ? model : null;
    const blank = { roster: ASKING, staffing: ASKING, parts: ASKING, trend: ASKING, week: ASKING, categories: ASKING, inGrid: ASKING };
    model = { ...(before ?? blank), view, city: shell.city, me: shell.me, place, focus, staff, releases, names, elementNames, principles };
    problem = null;
    draw();
    if (performance.getEntriesByName("gridmap-interactive").length === 0) performance.mark("gridmap-interactive");
    if (!before && !quietly && push) frame.focusTitle();
    lost(false);
    await namesFound;
    if (model.releases !== releases) {
      model = { ...model, releases, names, elementNames };
      draw();
    }
    await findNumbers(mine.signal);
  } catch (error) {
    if (mine.signal.aborted) return;
    if (error instanceof Refused && error.status === 0) lost(true);
    if (!quietly || model === null) {
      problem = error;
      model = null;
    }
    draw();
  }
}

/** Each number by itself: what is quick does not wait for what is slow. */
async function findNumbers(signal: AbortSignal): Promise<void> {
  if (!model || !shell.city) return;
  const { place, focus, staff } = model, city = shell.city;
  frame.asking(true);
  const ofAll = staff && (shell.me?.territories ?? []).includes(city.code);
  const live = new Live(api, view), released = new OfReleases(api, view, releases);
  const put = async <K extends keyof Model>(name: K, asked: Promise<unknown>): Promise<void> => {
    let known: Known<unknown>;
    try {
      known = { kind: "there", value: await asked };
    } catch (error) {
      if (signal.aborted) return;
      known = { kind: "problem", error };
    }
    if (!signal.aborted) set({ [name]: known } as Partial<Model>);
  };
  await Promise.all([
    put("roster", rosterOf(api, focus, signal)),
    put("staffing", api.get<Staffing>(`v1/staffing/${encodeURIComponent(focus.code)}`, {}, signal)),
    put("parts", staff ? live.parts(place, signal) : released.parts(place, signal)),
    put("trend", staff ? live.trend(focus.code, signal) : released.trend(place, focus.level, focus.code, signal)),
    put("week", staff ? live.week(focus.code, signal) : Promise.resolve(null)),
    put("categories", staff ? live.categories(focus.code, signal) : released.categories(place, focus.level, focus.code, signal)),
    put("inGrid", inGrid(api, city, ofAll, releases, signal)),
    findHexes(place, staff, signal),
  ]);
  if (!signal.aborted) frame.asking(false);
}

/** The hexes of the map, if it shows them: the same question once. */
async function findHexes(place: Place, staff: boolean, signal: AbortSignal): Promise<void> {
  if (view.layer !== "hexes" || !shell.city || (!staff && releases.length === 0)) return;
  const query = new URLSearchParams({ ...heatmapQuery(view, place, staff, hexesOf(shell.city, place, staff)), f: "geojson" }).toString();
  if (hexes?.query !== query) {
    hexes = null;
    const found = await api.asking.ask<GeoJSON.FeatureCollection>(`v1/heatmap?${query}`, signal).catch((error: unknown) => {
      if (signal.aborted || error instanceof Refused) return null;
      throw error;
    });
    if (found === null) return;
    hexes = { query, found };
  }
  paint();
}

function set(found: Partial<Model>): void {
  if (!model) return;
  model = { ...model, ...found };
  frame.draw(model, Object.keys(found) as (keyof Model)[]);
  if ("parts" in found) paint();
}

function draw(): void {
  if (frame.root.parentElement !== shell.main) shell.main.replaceChildren(frame.root);
  const title = model ? tell("cockpit_of", model.place.name) : tell("cockpit_of", "GridMap");
  document.title = `${title} · GridMap`;
  drawBanners();
  if (model) {
    model = { ...model, city: shell.city, me: shell.me };
    frame.draw(model, null);
  } else {
    frame.drawNothing(problem === null ? h("p", { class: "asking", "data-asking": true }, tell("loading")) : problemOf(problem));
  }
  map?.show(known);
  paint();
}

function drawBanners(): void {
  frame.banners.replaceChildren(...[
    goneSince ? h("p", { class: "banner warning" }, tell("gone", moment(goneSince))) : "",
    degraded && !goneSince ? h("p", { class: "banner" }, tell("degraded", moment(degraded.since), moment(degraded.data_as_of))) : "",
    model?.place.retired ? h("p", { class: "banner warning" }, tell("retired", model.place.code)) : "",
  ].filter((each) => each !== ""));
}

function paint(): void {
  if (!map || !model) return;
  const { place, parts } = model;
  const counted: Counted | null = parts.kind === "there" ? parts.value : null;
  const counts = new Map(counted?.rows);
  const shownHexes = view.layer === "hexes" ? (hexes?.found ?? null) : null;
  const hexCounts = shownHexes?.features.map((each) => Number(each.properties?.["count"] ?? 0)) ?? [];
  const painted: Painted = {
    layer: view.layer, area: place.code, areaLevel: place.level, partLevel: place.partLevel, parts: place.parts.map((each: Part) => each.code),
    counts, breaks: breaksOf([...counts.values()]), pick: view.pick, hexes: shownHexes, hexBreaks: breaksOf(hexCounts),
  };
  map.fit(place.box);
  map.paint(painted);
  frame.drawLegend(painted, model);
}

function hear(heard: News): void {
  const isNewer = known !== 0 && heard.revision > known;
  degraded = heard.degraded;
  known = Math.max(known, heard.revision);
  map?.show(known);
  drawBanners();
  if (!isNewer) return;
  principles = ASKING;
  void go(view, false, true).then(findPrinciples);
}

function lost(isGone: boolean): void {
  if (isGone === (goneSince !== null)) return;
  goneSince = isGone ? new Date().toISOString() : null;
  drawBanners();
  if (!isGone && (problem !== null || model !== null)) void go(view, false, model !== null);
}

void start();
