// The dispatcher's desk: one box, a map, and the answer to "who covers this place", now or at another time.
import { Api, type Addressed, type Candidate, type Categories, type Category, type Coverage, type Point, type RegistryCell, type Shaped } from "../api";
import { addressView } from "./address_view";
import { answerView } from "./answer_view";
import { chooseView, crsName, otherPlace, type CrsChoice } from "./choose_view";
import { readCoordinates, type Box } from "./coordinates";
import type { Choice, DeskMap } from "../desk_map";
import { deskView, type DeskParts } from "./desk_view";
import { h } from "../dom";
import { moment } from "../format";
import { follow, type News } from "../follow";
import { holdsNow, innerPoint, Kept } from "./kept";
import { language, named, say } from "../language";
import { acrossTheEdge } from "./neighbours";
import { NOTHING, readPlace, writePlace, type Shown } from "../place_url";
import { problemOf } from "../problem_view";
import { reportView } from "./report_view";
import { Refused } from "../service";
import { keep, kept as keptFact, Shell, workOffline } from "../shell";
import "../desk.css";

// What counts as near an edge: a pin, a house's width, a slip of the hand.
const NEAR_M = 25;
const CODE = /^(?=(?:[^\d]*\d){6})[A-Za-z0-9][A-Za-z0-9_-]*$/;

type Result =
  | { readonly kind: "nothing" }
  | { readonly kind: "asking" }
  | { readonly kind: "covered"; readonly answer: Coverage; readonly across: readonly Coverage[]; readonly keptAt: string; readonly notes: readonly string[] }
  | { readonly kind: "addressed"; readonly found: Addressed }
  | { readonly kind: "choose"; readonly choices: readonly CrsChoice[] }
  | { readonly kind: "retired"; readonly cell: RegistryCell }
  | { readonly kind: "area"; readonly name: string }
  | { readonly kind: "problem"; readonly error: unknown };

const api = new Api();
const shell = new Shell(api, "dispatcher", draw);
const kept = new Kept(api);
const parts: DeskParts = deskView();
const tried = new Map<string, Set<string>>();

let shown: Shown = readPlace(location.hash);
let result: Result = { kind: "nothing" };
let narrowed: string[] = [];
let categories: readonly Category[] = [];
let map: DeskMap | null = null;
let known = 0;
let goneSince: string | null = null;
let degraded: News["degraded"] = null;
let news = "";
let report: { readonly about: string; readonly form: HTMLElement } | null = null;
let stop = new AbortController();

async function start(): Promise<void> {
  parts.form.addEventListener("submit", (event) => {
    event.preventDefault();
    void look({ ...NOTHING, text: parts.box.value.trim(), at: shown.at, category: shown.category }, true);
  });
  parts.category.addEventListener("change", () => void look({ ...shown, category: parts.category.value }, true));
  parts.at.addEventListener("change", () => void look({ ...shown, at: parts.at.value }, true));
  parts.now.addEventListener("click", () => void look({ ...shown, at: "" }, true));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    parts.box.focus();
    parts.box.select();
  });
  addEventListener("popstate", () => void look(readPlace(location.hash), false));
  addEventListener("hashchange", () => {
    if (location.hash !== writePlace(shown)) void look(readPlace(location.hash), false);
  });
  await Promise.all([shell.start(), kept.open(), findCategories()]);
  draw();
  follow(api.asking, hear, lost);
  workOffline(api.asking);
  void look(shown, false); // the answer does not wait for the map
  const { DeskMap } = await import("../desk_map");
  map = new DeskMap(parts.stage, api.asking, pickPlace, (text) => {
    parts.mapState.textContent = text;
    parts.mapState.hidden = text === "";
  });
  map.show(shown.at, known);
  mark();
}

async function findCategories(): Promise<void> {
  const name = `gridmap-categories ${api.root.pathname}`;
  try {
    ({ categories } = await api.get<Categories>("v1/categories"));
    keep(name, categories);
  } catch {
    categories = keptFact<readonly Category[]>(name) ?? [];
  }
}

/** Looks up what is asked for, and shows it as soon as it is there; a later question puts an end to an earlier one. */
async function look(wanted: Shown, push: boolean, quietly = false): Promise<void> {
  stop.abort();
  const mine = (stop = new AbortController());
  const sameTime = wanted.at === shown.at;
  shown = wanted;
  narrowed = quietly ? narrowed : [];
  if (push) history.pushState(null, "", writePlace(shown) || location.pathname);
  if (!sameTime) map?.show(shown.at, known);
  if (!quietly) {
    result = shown.text || shown.lon ? { kind: "asking" } : { kind: "nothing" };
    draw();
  }
  if (!shown.text && !shown.lon) return;
  try {
    const found = await answerTo(shown, mine.signal);
    if (mine.signal.aborted) return;
    result = found;
  } catch (error) {
    if (mine.signal.aborted) return;
    if (error instanceof Refused && error.status === 0) lost(true);
    result = { kind: "problem", error };
  }
  draw();
  mark();
  if (!quietly) document.getElementById("found")?.focus();
  if (result.kind === "covered" && !result.keptAt) {
    const { point, revision } = result.answer;
    void kept.keepAround(point.lon, point.lat, revision).then(drawBanners);
  }
}

async function answerTo(wanted: Shown, signal: AbortSignal): Promise<Result> {
  if (wanted.lon) return ofPoint(wanted, [], signal);
  const pair = readCoordinates(wanted.text, bounds());
  if (pair) {
    const place = { ...wanted, text: "", lon: String(pair.lon), lat: String(pair.lat) };
    const notes = pair.turned === "no" ? [] : [say(pair.turned)];
    if (pair.crs === null) return ofChoice(place, notes, signal);
    const crs = pair.crs === "metric" ? (shell.city?.metric_crs ?? "") : pair.crs;
    shown = { ...place, crs };
    history.replaceState(null, "", writePlace(shown));
    return ofPoint(shown, notes, signal);
  }
  return CODE.test(wanted.text) ? ofCode(wanted, signal) : ofAddress(wanted, signal);
}

async function ofPoint(wanted: Shown, notes: readonly string[], signal: AbortSignal): Promise<Result> {
  const query = { lon: wanted.lon, lat: wanted.lat, crs: wanted.crs, accuracy_m: NEAR_M, at: wanted.at, category: wanted.category };
  const read = wanted.crs === "wgs84" ? notes : [...notes, say("read_as", crsName(wanted.crs))];
  try {
    const answer = await api.get<Coverage>("v1/coverage", query, signal);
    lost(false);
    degraded = answer.degraded;
    const across = answer.ambiguous ? await acrossTheEdge(api, answer, { at: wanted.at, category: wanted.category }, signal) : [];
    return { kind: "covered", answer, across, keptAt: "", notes: read };
  } catch (error) {
    const fromKept = error instanceof Refused && isAway(error) ? keptAnswer(wanted) : null;
    if (fromKept === null) throw error;
    lost(true);
    return { kind: "covered", across: [], notes: read, ...fromKept };
  }
}

/** No answer at all, or that of a proxy whose server is gone. */
function isAway(error: Refused): boolean {
  return error.status === 0 || error.status === 502 || error.status === 504;
}

/** From what this browser kept; null for another time than now, and for places that were not looked at. */
function keptAnswer(wanted: Shown): { answer: Coverage; keptAt: string } | null {
  const [x, y] = [Number(wanted.lon), Number(wanted.lat)];
  const place = wanted.at ? null : otherPlace(wanted.crs, x, y);
  const cell = place && kept.at(...place);
  if (!place || !cell) return null;
  const point: Point = { lon: place[0], lat: place[1], crs: wanted.crs, given: [x, y] };
  return { answer: holdsNow(cell, point, wanted.category), keptAt: cell.kept_at };
}

/** What the pair is in each system that it may be in: nobody but the caller can know which. */
async function ofChoice(wanted: Shown, notes: readonly string[], signal: AbortSignal): Promise<Result> {
  const asked = ["wgs84", "gcj02", "bd09"].map(async (crs): Promise<CrsChoice> => {
    const [lon, lat] = otherPlace(crs, Number(wanted.lon), Number(wanted.lat))!;
    const choice = { crs, lon, lat, notes, pick: () => void look({ ...wanted, crs }, true) };
    try {
      const { cell } = await api.get<Coverage>("v1/coverage", { lon: wanted.lon, lat: wanted.lat, crs, at: wanted.at }, signal);
      return { ...choice, cell };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { ...choice, cell: kept.at(lon, lat)?.answer.cell ?? null };
    }
  });
  return { kind: "choose", choices: await Promise.all(asked) };
}

async function ofCode(wanted: Shown, signal: AbortSignal): Promise<Result> {
  const ask = (what: string): Promise<Shaped> =>
    api.get<Shaped>(`v1/${what}/${encodeURIComponent(wanted.text)}`, { f: "geojson", at: wanted.at }, signal);
  let found: Shaped;
  try {
    found = await ask("cells");
  } catch (error) {
    const cell = kept.get(wanted.text);
    if (cell && error instanceof Refused && (isAway(error) || error.status === 503)) return ofInner(wanted, cell.geometry, signal);
    if (!(error instanceof Refused) || error.status !== 404) throw error;
    const area = await ask("areas");
    map?.fit(area.features[0]!.geometry);
    return { kind: "area", name: area.features[0]!.properties.name };
  }
  const { geometry, properties } = found.features[0]!;
  if (properties.status === "retired") {
    map?.mark({ cell: geometry, near: [], pin: null, choices: [] });
    return { kind: "retired", cell: properties };
  }
  return ofInner(wanted, geometry, signal);
}

function ofInner(wanted: Shown, geometry: GeoJSON.MultiPolygon | GeoJSON.Polygon, signal: AbortSignal): Promise<Result> {
  const [lon, lat] = innerPoint(geometry);
  return ofPoint({ ...wanted, lon: lon.toFixed(7), lat: lat.toFixed(7), crs: "wgs84" }, [say("inside_cell")], signal);
}

async function ofAddress(wanted: Shown, signal: AbortSignal): Promise<Result> {
  const query = { address: wanted.text, district: wanted.district, category: wanted.category };
  const found = await api.get<Addressed>("v1/coverage", query, signal);
  degraded = found.degraded;
  const only = found.coverage;
  if (only === null) return { kind: "addressed", found };
  const notes = [say("address_read", found.groups[0]?.candidates[0]?.text ?? found.address)];
  if (found.similar.length) notes.push(say("similar_too", found.similar.join(" · ")));
  const { lon, lat } = only.point;
  return ofPoint({ ...wanted, lon: String(lon), lat: String(lat), crs: "wgs84" }, notes, signal);
}

function pickPlace(lon: number, lat: number): void {
  parts.box.value = "";
  void look({ ...NOTHING, lon: lon.toFixed(6), lat: lat.toFixed(6), crs: "wgs84", at: shown.at, category: shown.category }, true);
}

function pickCandidate(candidate: Candidate): void {
  const { lon, lat } = candidate.point;
  void look({ ...NOTHING, lon: String(lon), lat: String(lat), crs: "wgs84", at: shown.at, category: shown.category }, true);
}

function open(text: string): void {
  parts.box.value = text;
  void look({ ...NOTHING, text, at: shown.at, category: shown.category }, true);
}

function narrow(about: string, option: string): void {
  if (shell.city?.levels.includes(about)) {
    void look({ ...shown, district: option }, true);
    return;
  }
  narrowed = [...narrowed, option];
  draw();
}

function hear(heard: News): void {
  const before = degraded;
  degraded = heard.degraded;
  const isFirst = known === 0, isNewer = heard.revision > known;
  known = Math.max(known, heard.revision);
  if (isNewer) map?.show(shown.at, known);
  if (isNewer && !isFirst) {
    news = say("new_revision", heard.revision);
    if (result.kind !== "nothing" && !shown.at) void look(shown, false, true);
  }
  if ((before === null) !== (degraded === null) || isNewer) drawBanners();
}

/** The server went away, or came back: then what was answered from the browser is asked again. */
function lost(isGone: boolean): void {
  if (isGone === (goneSince !== null)) return;
  goneSince = isGone ? new Date().toISOString() : null;
  drawBanners();
  if (isGone || result.kind === "asking") return;
  if ((result.kind === "covered" && result.keptAt) || result.kind === "problem") void look(shown, false, true);
}

function bounds(): Box {
  const [west = 0, south = 0, east = 0, north = 0] = shell.city?.bounds ?? [];
  return [west, south, east, north];
}

function draw(): void {
  parts.translate(shown, categories);
  if (parts.root.parentElement !== shell.main) shell.main.replaceChildren(parts.root);
  if (document.activeElement !== parts.box) parts.box.value = shown.text || parts.box.value;
  document.title = `${say("desk_dispatcher")} · GridMap`;
  drawBanners();
  const focused = document.activeElement;
  const within = parts.answer.contains(focused);
  parts.answer.replaceChildren(...resultView());
  if (within) (focused?.isConnected && focused instanceof HTMLElement ? focused : document.getElementById("found"))?.focus();
  parts.answer.toggleAttribute("aria-busy", result.kind === "asking");
  map?.show(shown.at, known);
}

function drawBanners(): void {
  const banners = [
    shown.at ? h("p", { class: "banner then" }, say("not_now", shown.at.replace("T", " "))) : null,
    goneSince ? h("p", { class: "banner warning" }, say("gone", moment(goneSince), kept.size)) : null,
    degraded && !goneSince ? h("p", { class: "banner" }, say("degraded", moment(degraded.since), moment(degraded.data_as_of))) : null,
    news && !goneSince ? h("p", { class: "banner good" }, news) : null,
  ];
  parts.banners.replaceChildren(...banners.filter((each) => each !== null));
  parts.root.dataset["kept"] = String(kept.size);
  parts.root.dataset["known"] = String(known);
}

function resultView(): HTMLElement[] {
  switch (result.kind) {
    case "nothing": return [parts.empty(shell.city)];
    case "asking": return [h("p", { class: "asking" }, say("asking"))];
    case "problem": return [problemOf(result.error)];
    case "choose": return [chooseView(result.choices)];
    case "area": return [h("h2", { id: "found", tabindex: -1 }, result.name), h("p", null, say("is_area"))];
    case "retired": return [retiredView(result.cell)];
    case "addressed":
      return [addressView({
        found: result.found, narrowed: [...(shown.district ? [shown.district] : []), ...narrowed], narrow, pick: pickCandidate, again: open,
        widen: () => void look({ ...shown, district: "" }, true),
      })];
    case "covered": {
      const { answer } = result;
      const place = answer.cell?.code ?? `${answer.point.lon} ${answer.point.lat}`;
      if (!tried.has(place)) tried.set(place, new Set());
      const view = answerView({ ...result, category: shown.category, tried: tried.get(place)!, then: shown.at !== "", open });
      if (shown.at) return [view, h("p", { class: "weak", id: "no-report" }, say("report_now_only"))];
      return goneSince ? [view] : [view, reportOf(answer)];
    }
  }
}

/** The form to report from here; the same one as long as the place is, so that nothing typed is lost. */
function reportOf(answer: Coverage): HTMLElement {
  const about = [answer.point.lon, answer.point.lat, shown.category, language(), shell.me?.role, categories.length].join(" ");
  if (report?.about !== about) report = { about, form: reportView({ api, me: shell.me, answer, category: shown.category, categories }) };
  return report.form;
}

function retiredView(cell: RegistryCell): HTMLElement {
  return h("article", { class: "answer" },
    h("h2", { id: "found", tabindex: -1 }, cell.name), h("p", { class: "banner" }, say("retired", cell.code, cell.ended_at ? moment(cell.ended_at) : "")),
    h("ul", null, (cell.successors ?? []).map((heir) =>
      h("li", null, h("button", { type: "button", class: "code link", onclick: () => open(heir.code) }, heir.code), ` ${say("has_share", Math.round(heir.area_share * 100))}`))));
}

/** Draws the answer on the map: its cell and those across near edges with their shapes, the pin, or pins to choose. */
function mark(): void {
  if (!map) return;
  if (result.kind === "choose") {
    const choices: Choice[] = result.choices.map((each) => ({ ...each, label: named("crs_short", each.crs) }));
    map.mark({ cell: null, near: [], pin: null, choices });
  } else if (result.kind === "covered") {
    void markCovered(map, result);
  } else if (result.kind === "addressed") {
    const candidates = result.found.groups.flatMap((group) => group.candidates).filter((each) => each.cell !== null).slice(0, 12);
    map.mark({ cell: null, near: [], pin: null, choices: candidates.map((each) => ({ label: each.text, ...lonLat(each.point), pick: () => pickCandidate(each) })) });
  }
}

function lonLat({ lon, lat }: Point): { lon: number; lat: number } {
  return { lon, lat };
}

async function markCovered(onto: DeskMap, { answer, across }: { answer: Coverage; across: readonly Coverage[] }): Promise<void> {
  const id = answer.id, pin = [answer.point.lon, answer.point.lat] as const;
  const codes = [answer.cell?.code, ...across.map((each) => each.cell?.code)].filter((code) => code !== undefined);
  const shapes = await Promise.all(codes.map((code) => shapeOf(code, answer.revision)));
  if (result.kind !== "covered" || result.answer.id !== id) return;
  const [cell = null, ...near] = answer.cell ? shapes : [null, ...shapes];
  onto.mark({ cell, near: near.filter((each) => each !== null), pin, choices: [] });
}

async function shapeOf(code: string, revision: number): Promise<GeoJSON.Geometry | null> {
  try {
    const found = await api.get<Shaped>(`v1/cells/${encodeURIComponent(code)}`, { f: "geojson", revision });
    return found.features[0]?.geometry ?? null;
  } catch {
    return kept.get(code)?.geometry ?? null;
  }
}

void start();
