// The desk's map: the city's style, the cell of the answer and those beside it, the pin, and pins to choose from.
import "maplibre-gl/dist/maplibre-gl.css";
import "./desk_map.css";
import {
  LngLatBounds, Marker, NavigationControl, ScaleControl, setWorkerUrl,
  type GeoJSONSource, type LngLatBoundsLike, type Map as MapLibre,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { registerBaseMaps } from "./base_map";
import { h } from "./dom";
import { language, say } from "./language";
import { Refused, type Service } from "./service";
import { Surface, type GridStyle } from "./surface";
import { theme } from "./theme";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);
registerBaseMaps();

export interface Choice {
  readonly label: string;
  readonly lon: number;
  readonly lat: number;
  readonly pick: () => void;
}

/** What is drawn over the style. */
export interface Marks {
  readonly cell: GeoJSON.Geometry | null;
  readonly near: readonly GeoJSON.Geometry[];
  readonly pin: readonly [lon: number, lat: number] | null;
  readonly choices: readonly Choice[];
}

export const NO_MARKS: Marks = { cell: null, near: [], pin: null, choices: [] };

const CLOSE_ZOOM = 15.5;
const SOURCE = "desk";
const TRY_AGAIN_MS = 5_000;

declare global {
  interface Window {
    /** What the map shows now; tests and colleagues' scripts on the same origin may look. */
    gridmapDesk?: MapLibre | null;
  }
}

export class DeskMap {
  private readonly surface: Surface;
  private marks: Marks = NO_MARKS;
  private pins: Marker[] = [];
  private readonly legend = h("div", { class: "legend", hidden: true });
  private wanted = "";
  private drawn = "";
  private drawing = false;
  private mayMove = false;

  constructor(
    private readonly stage: HTMLElement, private readonly service: Service,
    private readonly pick: (lon: number, lat: number) => void, private readonly state: (text: string) => void,
  ) {
    this.surface = new Surface(stage, { attributionControl: false }, (map) => this.prepare(map));
    stage.after(this.legend);
  }

  /** Draws the grid of a time (empty: now); `revision` is the newest that was heard of, and is drawn when it is another. */
  show(at: string, revision: number): void {
    this.wanted = JSON.stringify([at, revision, theme(), language()]);
    void this.draw();
  }

  mark(marks: Marks): void {
    this.marks = marks;
    this.mayMove = true;
    this.drawMarks();
  }

  /** Shows a shape as a whole. */
  fit(geometry: GeoJSON.Geometry): void {
    this.surface.map?.fitBounds(boundsOf([geometry]), { padding: 40, duration: 0 });
  }

  private prepare(map: MapLibre): void {
    map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new ScaleControl(), "bottom-left");
    map.dragRotate.disable();
    map.touchZoomRotate.disableRotation();
    map.on("click", (event) => this.pick(event.lngLat.lng, event.lngLat.lat));
    const canvas = map.getCanvas();
    canvas.setAttribute("aria-label", say("map_help"));
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      const { lng, lat } = map.getCenter();
      this.pick(lng, lat);
    });
  }

  private async draw(): Promise<void> {
    if (this.drawing || this.wanted === this.drawn) return;
    this.drawing = true;
    const wanted = this.wanted;
    if (!this.surface.map) this.state(say("map_loading"));
    let failed = false;
    try {
      const [at] = JSON.parse(wanted) as [string];
      const query = new URLSearchParams({ language: language(), base_map: "redrawn", ...(at ? { at } : {}) });
      const style = await this.service.ask<GridStyle>(`styles/${theme()}.json?${query}`);
      await this.surface.show(style, cityBounds(style), () => this.takeOver(style));
      this.drawn = wanted;
      this.state("");
    } catch (error) {
      failed = true;
      if (this.surface.map && !this.drawn) this.surface.clear();
      const noWebgl = document.createElement("canvas").getContext("webgl2") === null;
      this.state(noWebgl ? say("map_no_webgl") : error instanceof Refused && error.status >= 400 && error.status < 500
        ? say("map_refused", error.message) : this.drawn ? say("map_stays") : say("map_failed"));
      if (noWebgl) return;
    } finally {
      this.drawing = false;
      this.stage.removeAttribute("aria-busy");
    }
    if (failed) setTimeout(() => void this.draw(), TRY_AGAIN_MS);
    else void this.draw();
  }

  private takeOver(style: GridStyle): void {
    window.gridmapDesk = this.surface.map;
    this.stage.dataset["revision"] = String(style.metadata["gridmap:revision"]);
    this.legend.hidden = false;
    this.legend.replaceChildren(h("details", null, h("summary", null, say("legend")), style.metadata["gridmap:legend"].map(({ color, label }) => {
      const swatch = h("span", { class: "swatch" });
      swatch.style.backgroundColor = color;
      return h("p", null, swatch, label);
    })));
    this.surface.map?.once("load", () => this.addMarks(style.metadata["gridmap:dark"]));
    if (this.surface.map?.isStyleLoaded()) this.addMarks(style.metadata["gridmap:dark"]);
  }

  private addMarks(dark: boolean): void {
    const map = this.surface.map;
    if (!map || map.getSource(SOURCE)) return;
    const [strong, weak] = dark ? ["#ffb4a8", "#ffd27a"] : ["#a3160f", "#8a5300"];
    map.addSource(SOURCE, { type: "geojson", data: collection([]) });
    map.addLayer({ id: "desk-fill", type: "fill", source: SOURCE, filter: ["==", ["get", "role"], "cell"], paint: { "fill-color": strong, "fill-opacity": 0.14 } });
    map.addLayer({
      id: "desk-near", type: "line", source: SOURCE, filter: ["==", ["get", "role"], "near"],
      paint: { "line-color": weak, "line-width": 2.5, "line-dasharray": [3, 2] },
    });
    map.addLayer({ id: "desk-cell", type: "line", source: SOURCE, filter: ["==", ["get", "role"], "cell"], paint: { "line-color": strong, "line-width": 3.5 } });
    this.drawMarks();
  }

  private drawMarks(): void {
    const map = this.surface.map;
    for (const pin of this.pins) pin.remove();
    this.pins = [];
    if (!map) return;
    const { cell, near, pin, choices } = this.marks;
    const features = [...near.map((each) => feature(each, "near")), ...(cell ? [feature(cell, "cell")] : [])];
    (map.getSource(SOURCE) as GeoJSONSource | undefined)?.setData(collection(features));
    if (pin) this.pins.push(new Marker({ element: h("div", { class: "pin", "aria-hidden": "true" }), anchor: "bottom" }).setLngLat([...pin]).addTo(map));
    for (const choice of choices) {
      const button = h("button", { type: "button", class: "choice", onclick: (event: Event) => {
        event.stopPropagation();
        choice.pick();
      } }, choice.label);
      this.pins.push(new Marker({ element: button, anchor: "bottom" }).setLngLat([choice.lon, choice.lat]).addTo(map));
    }
    if (this.mayMove) this.move(map);
    this.mayMove = false;
  }

  private move(map: MapLibre): void {
    const { cell, pin, choices } = this.marks;
    if (choices.length > 0) {
      const bounds = new LngLatBounds();
      for (const { lon, lat } of choices) bounds.extend([lon, lat]);
      map.fitBounds(bounds, { padding: 90, maxZoom: CLOSE_ZOOM, duration: 0 });
    } else if (cell) {
      const bounds = boundsOf([cell]);
      if (pin) bounds.extend([...pin]);
      if (!holds(map, bounds) || map.getZoom() < CLOSE_ZOOM - 1.5) map.fitBounds(bounds, { padding: 70, maxZoom: 17, duration: 0 });
    } else if (pin) {
      map.jumpTo({ center: [...pin], zoom: Math.max(map.getZoom(), CLOSE_ZOOM - 2) });
    }
  }
}

function holds(map: MapLibre, bounds: LngLatBounds): boolean {
  const seen = map.getBounds();
  return seen.contains(bounds.getSouthWest()) && seen.contains(bounds.getNorthEast());
}

function feature(geometry: GeoJSON.Geometry, role: string): GeoJSON.Feature {
  return { type: "Feature", geometry, properties: { role } };
}

function collection(features: GeoJSON.Feature[]): GeoJSON.FeatureCollection {
  return { type: "FeatureCollection", features };
}

/** The box around shapes. */
export function boundsOf(geometries: readonly GeoJSON.Geometry[]): LngLatBounds {
  const bounds = new LngLatBounds();
  const walk = (coordinates: unknown): void => {
    if (!Array.isArray(coordinates)) return;
    if (typeof coordinates[0] === "number") bounds.extend([coordinates[0], coordinates[1] as number]);
    else coordinates.forEach(walk);
  };
  for (const geometry of geometries) if ("coordinates" in geometry) walk(geometry.coordinates);
  return bounds;
}

/** The box around the city that a style draws. */
export function cityBounds(style: GridStyle): LngLatBoundsLike {
  for (const source of Object.values(style.sources)) if (source.type === "vector" && source.bounds) return source.bounds;
  return [style.center?.[0] ?? 0, style.center?.[1] ?? 0, style.center?.[0] ?? 0, style.center?.[1] ?? 0];
}
