// The page /embed: a map of the city or of an area, its legend, and on a click who covers the place.
import "maplibre-gl/dist/maplibre-gl.css";
import "./map.css";
import {
  NavigationControl, Popup, ScaleControl, setWorkerUrl,
  type LayerSpecification, type LngLat, type LngLatBoundsLike, type Map as MapLibre,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { registerBaseMaps } from "../base_map";
import { describe, element, type Coverage } from "./answer";
import { follow, type News } from "../follow";
import { readParameters, WrongParameter, type Parameters } from "./parameters";
import { Refused, Service } from "../service";
import { Surface, type GridStyle } from "../surface";
import { say, type Word } from "./words";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);
registerBaseMaps();

const TRY_AGAIN_MS = 5_000;
const byId = (id: string): HTMLElement => document.getElementById(id)!;
const stage = byId("stage"), state = byId("state"), legend = byId("legend"), credits = byId("credits");

interface FeatureCollection {
  readonly type: "FeatureCollection";
  readonly revision: number;
  readonly features: readonly GeoJSON.Feature[];
}

/** What the map shows now; pages of the same origin may use it. */
interface Shown {
  map: MapLibre | null;
  revision: number;
}

declare global {
  interface Window {
    gridmap: Shown;
  }
}
window.gridmap = { map: null, revision: 0 };

let parameters: Parameters;
try {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  parameters = readParameters(location.search, { language: navigator.language, dark });
} catch (error) {
  if (!(error instanceof WrongParameter)) throw error;
  tell(say(navigator.language.startsWith("zh") ? "zh" : "en", "wrong", error.message), "error");
  throw error;
}

const language = parameters.language;
let pinned = parameters.revision !== "" || parameters.at !== "";
const service = new Service(parameters.key);
const surface = new Surface(stage, { attributionControl: false }, prepare);
let popup: Popup | null = null;
let announced = 0;
let loading = false;
let gone = false;
let news: News | null = null;
let failure: { text: string; final: boolean } | null = null;

document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
document.documentElement.dataset["theme"] = parameters.style === "dark" ? "dark" : parameters.theme;
tellHowItStands();

function tell(text: string, kind: "info" | "warning" | "error" | ""): void {
  state.textContent = text;
  state.className = kind;
  state.hidden = text === "";
}

/** The line that says how things stand: the gravest thing only. */
function tellHowItStands(): void {
  if (failure?.final) {
    tell(failure.text, "error");
  } else if (gone) {
    const known = window.gridmap.revision;
    tell(known ? say(language, "unreachable", known) : say(language, "unreachableYet"), "warning");
  } else if (failure) {
    tell(failure.text, "warning");
  } else if (news?.degraded) {
    tell(say(language, "degraded", new Date(news.degraded.data_as_of).toLocaleString(language)), "warning");
  } else if (stage.hasAttribute("aria-busy")) {
    tell(say(language, "loading"), "info");
  } else {
    tell("", "");
  }
}

function prepare(map: MapLibre): void {
  map.addControl(new NavigationControl({ visualizePitch: false }), "top-right");
  map.addControl(new ScaleControl(), "bottom-left");
  map.dragRotate.disable();
  map.touchZoomRotate.disableRotation();
  map.on("click", (event) => void ask(event.lngLat));
}

async function styleNow(): Promise<GridStyle> {
  const query = new URLSearchParams(parameters.rest);
  query.set("language", language);
  query.set("theme", parameters.theme);
  if (!query.has("base_map")) query.set("base_map", "redrawn");
  if (parameters.revision) query.set("revision", parameters.revision);
  if (parameters.at) query.set("at", parameters.at);
  // Staff may count no more than theirs; they come by their log-in, since their keys may not stand in an address.
  if (parameters.area && (await service.isStaff())) query.set("area", parameters.area);
  const style = await service.ask<GridStyle>(`styles/${parameters.style}.json?${query}`);
  // Counts are fetched here, so that they are seen to be of the style's revision, and with the key.
  for (const name of style.metadata["gridmap:data"]) {
    const source = style.sources[name];
    if (source?.type !== "geojson" || typeof source.data !== "string") continue;
    const counts = await service.ask<FeatureCollection>(source.data);
    if (counts.revision !== style.metadata["gridmap:revision"]) throw new Refused(0, "the counts are of another revision");
    source.data = counts as unknown as GeoJSON.FeatureCollection;
  }
  style.layers = style.layers.filter(isWanted);
  return style;
}

/** Whether a layer belongs to what `layer=` names; ground, base map and counts always do. */
function isWanted(layer: LayerSpecification): boolean {
  if (parameters.layers.length === 0 || !("source" in layer) || !("source-layer" in layer)) return true;
  if (layer.source !== "labels") return layer.id === "land" || parameters.layers.includes(layer.source);
  const level = layer.id.replace(/_label$/, "");
  return parameters.layers.includes(level === "cell" ? "cells" : level);
}

/** Puts the outline of the area asked for into the style; its bounds, or those of the city. */
async function withArea(style: GridStyle): Promise<LngLatBoundsLike> {
  if (!parameters.area) return cityBounds(style);
  const query = new URLSearchParams({
    f: "geojson", revision: String(style.metadata["gridmap:revision"]), crs: style.metadata["gridmap:crs"],
  });
  const code = encodeURIComponent(parameters.area);
  const outline = await service.ask<FeatureCollection>(`v1/areas/${code}?${query}`).catch((error: unknown) => {
    if (error instanceof Refused && error.status === 404) return service.ask<FeatureCollection>(`v1/cells/${code}?${query}`);
    throw error;
  });
  style.sources["area"] = { type: "geojson", data: outline as unknown as GeoJSON.FeatureCollection };
  const color = style.metadata["gridmap:dark"] ? "#ff8a7a" : "#b3261e";
  style.layers.push({
    id: "area", type: "line", source: "area", layout: { "line-join": "round" },
    paint: { "line-color": color, "line-width": 3.5, "line-opacity": 0.9 },
  });
  return boundsOf(outline);
}

function cityBounds(style: GridStyle): LngLatBoundsLike {
  for (const source of Object.values(style.sources)) {
    if (source.type === "vector" && source.bounds) return source.bounds;
  }
  throw new Refused(0, "the style has no bounds");
}

function boundsOf(collection: FeatureCollection): LngLatBoundsLike {
  const box = [180, 90, -180, -90] as [number, number, number, number];
  const walk = (coordinates: unknown): void => {
    if (!Array.isArray(coordinates)) return;
    const [lon, lat] = coordinates as unknown[];
    if (typeof lon === "number" && typeof lat === "number") {
      box[0] = Math.min(box[0], lon);
      box[1] = Math.min(box[1], lat);
      box[2] = Math.max(box[2], lon);
      box[3] = Math.max(box[3], lat);
    } else {
      coordinates.forEach(walk);
    }
  };
  for (const feature of collection.features) if ("coordinates" in feature.geometry) walk(feature.geometry.coordinates);
  return box;
}

/** Brings the map to the newest revision that was heard of; tries again by itself when that fails. */
async function bringUpToDate(): Promise<void> {
  if (loading) return;
  loading = true;
  let again = false;
  try {
    const style = await styleNow();
    const bounds = await withArea(style);
    const { "gridmap:revision": revision } = style.metadata;
    if (revision !== window.gridmap.revision) {
      if (!surface.map) describeStyle(style); // before the map is made, which is as large as these leave it room
      await surface.show(style, bounds, () => takeOver(style));
      stage.removeAttribute("aria-busy");
    }
    again = !pinned && revision < announced; // one worker may know of it before another
    gone = false;
    failure = null;
  } catch (error) {
    again = !isFinal(error);
    failure = { text: failureOf(error), final: !again };
    // A first map with holes is begun anew; one that shows a whole revision stays.
    if (stage.hasAttribute("aria-busy")) {
      surface.clear();
      window.gridmap = { map: null, revision: 0 };
    }
  } finally {
    loading = false;
    tellHowItStands();
  }
  if (again) setTimeout(() => void bringUpToDate(), TRY_AGAIN_MS);
  else if (!pinned && announced > window.gridmap.revision && window.gridmap.revision > 0) void bringUpToDate();
}

function isFinal(error: unknown): boolean {
  return !canDraw() || (error instanceof Refused && [401, 403, 404, 422].includes(error.status));
}

function failureOf(error: unknown): string {
  if (!canDraw()) return say(language, "noWebgl");
  if (!(error instanceof Refused)) return say(language, "failed");
  if (error.status === 401 || error.status === 403) return say(language, "refused", error.message);
  if (error.status === 404 || error.status === 422) return say(language, "wrong", error.message);
  return say(language, error.status === 0 ? "unreachableYet" : "failed");
}

function canDraw(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

/** Legend, notice and sources: always in sight, so the map itself shows no attribution. */
function describeStyle(style: GridStyle): void {
  const facts = style.metadata;
  legend.replaceChildren(element("h2", say(language, "legend")));
  if (facts["gridmap:counts"]) legend.append(element("p", facts["gridmap:counts"], "counts"));
  if (facts["gridmap:data"].length > 0 && facts["gridmap:data"].every((name) => hasNothing(style, name))) {
    legend.append(element("p", say(language, "noCounts"), "counts"));
  }
  for (const entry of facts["gridmap:legend"]) {
    const line = element("p");
    const swatch = element("span", "", "swatch");
    swatch.style.backgroundColor = entry.color;
    line.append(swatch, entry.label);
    legend.append(line);
  }
  legend.hidden = false;
  const revision = say(language, "revision", facts["gridmap:revision"]);
  const parts = [revision, facts["gridmap:attribution"], facts["gridmap:base_map"]];
  credits.replaceChildren(element("p", facts["gridmap:notice"], "notice"), element("p", parts.filter(Boolean).join(" · ")));
}

/** Whether the counts of a source, which were fetched, are none. */
function hasNothing(style: GridStyle, name: string): boolean {
  const source = style.sources[name];
  if (source?.type !== "geojson" || typeof source.data === "string") return false;
  return (source.data as GeoJSON.FeatureCollection).features.length === 0;
}

/** Everything on the page that belongs to a revision, in one step. */
function takeOver(style: GridStyle): void {
  const facts = style.metadata;
  const revision = facts["gridmap:revision"];
  window.gridmap = { map: surface.map, revision };
  pinned ||= (facts["gridmap:released"] ?? []).length > 0; // a release stays on the grid that it was made on
  document.documentElement.dataset["revision"] = String(revision);
  describeStyle(style);
  const open = popup?.getLngLat();
  popup?.remove();
  popup = null;
  if (open) void ask(open);
  parent.postMessage({ type: "gridmap:revision", revision }, "*");
}

/** Who covers a place that was clicked. */
async function ask(place: LngLat): Promise<void> {
  const map = surface.map;
  if (!map) return;
  popup?.remove();
  const here = new Popup({ maxWidth: "340px" }).setLngLat(place).setDOMContent(element("p", say(language, "asking")));
  popup = here.addTo(map);
  here.on("close", () => {
    if (popup === here) popup = null;
  });
  const { lng, lat } = place.wrap();
  const crs = (map.getStyle().metadata as GridStyle["metadata"])["gridmap:crs"];
  const query = new URLSearchParams({ lon: lng.toFixed(7), lat: lat.toFixed(7), crs });
  if (parameters.revision) query.set("revision", parameters.revision);
  else if (pinned && !parameters.at) query.set("revision", String(window.gridmap.revision));
  if (parameters.at) query.set("at", parameters.at);
  try {
    const answer = await service.ask<Coverage>(`v1/coverage?${query}`);
    if (!pinned && answer.revision > window.gridmap.revision) {
      hear({ revision: answer.revision, degraded: null }); // the popup is asked for again when the map has followed
      return;
    }
    here.setDOMContent(describe(answer, language));
  } catch (error) {
    const word: Word = error instanceof Refused && error.status === 0 ? "unreachableYet" : "failed";
    const detail = error instanceof Refused && error.status > 0 ? error.message : say(language, word);
    here.setDOMContent(element("p", detail, "warning"));
  }
}

function hear(heard: News): void {
  news = heard;
  announced = Math.max(announced, heard.revision);
  tellHowItStands();
  if (!pinned && window.gridmap.revision > 0 && announced > window.gridmap.revision) void bringUpToDate();
}

void bringUpToDate();
follow(service, hear, (isGone) => {
  gone = isGone;
  tellHowItStands();
});
