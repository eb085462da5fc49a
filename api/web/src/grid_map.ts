// A desk's map of the grid: it follows what is wanted of it, drawn anew when that changes and again when that failed,
// and is gone over by keyboard as by mouse. What a desk lays over it is the desk's own.
import "maplibre-gl/dist/maplibre-gl.css";
import "./desk_map.css";
import { LngLatBounds, NavigationControl, ScaleControl, setWorkerUrl, type LngLatBoundsLike, type Map as MapLibre } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { registerBaseMaps } from "./base_map";
import { language, say } from "./language";
import { Refused, type Service } from "./service";
import { Surface, type GridStyle } from "./surface";
import { theme } from "./theme";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);
registerBaseMaps();

const TRY_AGAIN_MS = 5_000;

/** A click, or Enter at the centre. */
export interface Pick {
  readonly lon: number;
  readonly lat: number;
  readonly pixel: readonly [x: number, y: number];
  /** With shift, control or command: one more. */
  readonly more: boolean;
}

export interface GridMapParts {
  /** What the map is for, and its keys. */
  readonly help: () => string;
  readonly noWebgl: () => string;
  /** What shows at first. */
  readonly first: (style: GridStyle) => LngLatBoundsLike;
  readonly picked: (pick: Pick) => void;
  /** Controls and listeners of the desk's own, for every map that is drawn. */
  readonly prepare?: (map: MapLibre) => void;
  /** A map takes over; `laid` runs once its style can be added to. */
  readonly takeOver: (style: GridStyle) => void;
  readonly laid: (map: MapLibre, style: GridStyle) => void;
  /** What is to be said of the map; empty when it is as it should be. */
  readonly state: (text: string) => void;
}

export class GridMap {
  private readonly surface: Surface;
  private wanted = "";
  private query: Readonly<Record<string, string>> = {};
  private drawn = "";
  private drawing = false;

  /** `scale`: letters and lines so many times as large, on a wall. */
  constructor(private readonly stage: HTMLElement, private readonly service: Service, private readonly parts: GridMapParts, scale = 1) {
    this.surface = new Surface(stage, { attributionControl: false, pixelRatio: devicePixelRatio * scale }, (map) => this.prepare(map));
    if (scale !== 1) Object.assign(stage.style, { width: `${100 / scale}%`, height: `${100 / scale}%`, transform: `scale(${scale})`, transformOrigin: "0 0" });
  }

  get map(): MapLibre | null {
    return this.surface.map;
  }

  /** Draws the style that `query` asks for, in the page's theme and language; `revision`: the newest that was heard of. */
  show(revision: number, query: Readonly<Record<string, string>> = {}): void {
    this.query = query;
    this.wanted = JSON.stringify([revision, query, theme(), language()]);
    void this.draw();
  }

  private prepare(map: MapLibre): void {
    map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new ScaleControl(), "bottom-left");
    map.dragRotate.disable();
    map.touchZoomRotate.disableRotation();
    map.on("click", ({ lngLat, point, originalEvent: { shiftKey, ctrlKey, metaKey } }) => {
      this.parts.picked({ lon: lngLat.lng, lat: lngLat.lat, pixel: [point.x, point.y], more: shiftKey || ctrlKey || metaKey });
    });
    const canvas = map.getCanvas();
    canvas.setAttribute("aria-label", this.parts.help());
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      const { lng, lat } = map.getCenter();
      this.parts.picked({ lon: lng, lat, pixel: [canvas.clientWidth / 2, canvas.clientHeight / 2], more: event.shiftKey });
    });
    this.parts.prepare?.(map);
  }

  private async draw(): Promise<void> {
    if (this.drawing || this.wanted === this.drawn) return;
    this.drawing = true;
    const wanted = this.wanted;
    this.stage.setAttribute("aria-busy", "true");
    if (!this.map) this.parts.state(say("map_loading"));
    let again = false;
    try {
      const query = new URLSearchParams({ language: language(), base_map: "redrawn", ...this.query });
      const style = await this.service.ask<GridStyle>(`styles/${theme()}.json?${query}`);
      await this.surface.show(style, this.parts.first(style), () => this.takeOver(style));
      this.drawn = wanted;
      this.parts.state("");
    } catch (error) {
      if (this.map && !this.drawn) this.surface.clear();
      again = !(error instanceof Refused && error.status === 404) && hasWebgl();
      this.parts.state(this.trouble(error));
    }
    this.drawing = false;
    if (this.wanted === wanted) this.stage.removeAttribute("aria-busy");
    if (this.wanted !== wanted) void this.draw();
    else if (again) setTimeout(() => void this.draw(), TRY_AGAIN_MS);
  }

  private trouble(error: unknown): string {
    if (!hasWebgl()) return this.parts.noWebgl();
    if (error instanceof Refused && error.status >= 400 && error.status < 500) return say("map_refused", error.message);
    return this.drawn ? say("map_stays") : say("map_failed");
  }

  private takeOver(style: GridStyle): void {
    const map = this.map;
    if (!map) return;
    this.stage.dataset["revision"] = String(style.metadata["gridmap:revision"]);
    this.parts.takeOver(style);
    const laid = (): void => {
      if (map === this.map) this.parts.laid(map, style);
    };
    if (map.isStyleLoaded()) laid();
    else map.once("load", laid);
  }
}

function hasWebgl(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
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

export function collection(features: GeoJSON.Feature[]): GeoJSON.FeatureCollection {
  return { type: "FeatureCollection", features };
}
