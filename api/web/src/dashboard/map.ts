// The cockpit's map: the city's style, over it the parts of the area coloured by their counts, or hexes; a click picks a part.
import "maplibre-gl/dist/maplibre-gl.css";
import "../desk_map.css";
import {
  NavigationControl, ScaleControl, setWorkerUrl,
  type ExpressionSpecification, type GeoJSONSource, type LngLatBoundsLike, type Map as MapLibre,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { registerBaseMaps } from "../base_map";
import { RAMP_STEPS, stepOf } from "./charts";
import type { Box } from "./data";
import { tell } from "./words";
import { language, say } from "../language";
import { Refused, type Service } from "../service";
import { Surface, type GridStyle } from "../surface";
import { theme } from "../theme";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);
registerBaseMaps();

/** What is drawn over the style. */
export interface Painted {
  /** areas, hexes or kinds. */
  readonly layer: string;
  readonly area: string;
  readonly areaLevel: string;
  readonly partLevel: string | null;
  readonly parts: readonly string[];
  readonly counts: ReadonlyMap<string, number | null>;
  readonly breaks: readonly number[];
  readonly pick: string;
  readonly hexes: GeoJSON.FeatureCollection | null;
  readonly hexBreaks: readonly number[];
}

declare global {
  interface Window {
    /** What the map shows now; tests and colleagues' scripts on the same origin may look. */
    gridmapCockpit?: MapLibre | null;
  }
}

const OURS = ["cockpit-parts", "cockpit-hexes", "cockpit-parts-line", "cockpit-pick", "cockpit-area"];
const TRY_AGAIN_MS = 5_000;
const PADDING = 30;
const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

export class CockpitMap {
  private readonly surface: Surface;
  private painted: Painted | null = null;
  private box: Box | null = null;
  private boxShown = "";
  private wanted = "";
  private drawn = "";
  private drawing = false;
  private cityBox: LngLatBoundsLike | null = null;
  private moved = false;

  constructor(
    private readonly stage: HTMLElement, private readonly service: Service,
    private readonly pick: (code: string) => void, private readonly state: (text: string) => void, scale = 1,
  ) {
    // On a wall letters and lines are as large as on a desk: drawn so many times as fine, shown so many times as large.
    this.surface = new Surface(stage, { attributionControl: false, pixelRatio: devicePixelRatio * scale }, (map) => this.prepare(map));
    if (scale !== 1) Object.assign(stage.style, { width: `${100 / scale}%`, height: `${100 / scale}%`, transform: `scale(${scale})`, transformOrigin: "0 0" });
  }

  /** Draws the grid; `revision` is the newest that was heard of, and the map is drawn anew when it is another. */
  show(revision: number): void {
    this.wanted = JSON.stringify([revision, theme(), language()]);
    void this.draw();
  }

  /** Paints what has changed; the same again is nothing to do. */
  paint(painted: Painted): void {
    if (this.painted && same(this.painted, painted)) return;
    this.painted = painted;
    this.repaint();
  }

  /** Shows a box as a whole, once; null is the city. */
  fit(box: Box | null): void {
    const name = JSON.stringify(box);
    if (name === this.boxShown) return;
    this.box = box;
    const map = this.surface.map;
    const bounds = box ? ([...box] as LngLatBoundsLike) : this.cityBox;
    if (!map || !bounds || Math.min(map.getContainer().clientWidth, map.getContainer().clientHeight) < 3 * PADDING) return;
    this.boxShown = name;
    this.moved = false;
    map.fitBounds(bounds, { padding: PADDING, duration: 0, maxZoom: 17 });
  }

  private prepare(map: MapLibre): void {
    map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    map.addControl(new ScaleControl(), "bottom-left");
    map.dragRotate.disable();
    map.touchZoomRotate.disableRotation();
    map.on("movestart", (event) => {
      this.moved ||= event.originalEvent !== undefined;
    });
    map.on("resize", () => {
      if (this.moved) return; // else what is shown as a whole stays whole
      this.boxShown = "";
      this.fit(this.box);
    });
    map.on("click", (event) => this.pickAt(map, [event.point.x, event.point.y]));
    const canvas = map.getCanvas();
    canvas.setAttribute("aria-label", tell("map_help"));
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.pickAt(map, [canvas.clientWidth / 2, canvas.clientHeight / 2]);
    });
  }

  private pickAt(map: MapLibre, point: [number, number]): void {
    if (!map.getLayer("cockpit-parts")) return;
    const [found] = map.queryRenderedFeatures(point, { layers: ["cockpit-parts"] });
    const code: unknown = found?.properties["code"];
    if (typeof code === "string") this.pick(code);
  }

  private async draw(): Promise<void> {
    if (this.drawing || this.wanted === this.drawn) return;
    this.drawing = true;
    const wanted = this.wanted;
    if (!this.surface.map) this.state(say("map_loading"));
    let failed = false;
    try {
      const style = await this.service.ask<GridStyle>(`styles/${theme()}.json?${new URLSearchParams({ language: language(), base_map: "redrawn" })}`);
      this.cityBox = boundsIn(style);
      await this.surface.show(style, this.box ? ([...this.box] as LngLatBoundsLike) : (this.cityBox ?? [0, 0, 0, 0]), () => this.takeOver(style));
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
    const map = this.surface.map;
    window.gridmapCockpit = map;
    this.stage.dataset["revision"] = String(style.metadata["gridmap:revision"]);
    this.boxShown = JSON.stringify(this.box);
    if (map?.isStyleLoaded()) this.repaint();
    else map?.once("load", () => this.repaint());
  }

  /** The layers of ours, anew: they are few, and their tiles are there. */
  private repaint(): void {
    const map = this.surface.map, painted = this.painted;
    if (!map || !painted || !map.getLayer("land") && !map.getLayer("cells")) return;
    for (const id of OURS) if (map.getLayer(id)) map.removeLayer(id);
    this.fit(this.box);
    const below = map.getLayer("water") ? "water" : undefined;
    const colours = rampColours(), ink = theme() === "dark" ? "#ffb4a8" : "#a3160f";
    map.setPaintProperty("cells", "fill-opacity", painted.layer === "kinds" ? ["interpolate", ["linear"], ["zoom"], 10, 0.55, 15, 0.85] : 0);
    if (!map.getSource("cockpit-hexes")) map.addSource("cockpit-hexes", { type: "geojson", data: EMPTY });
    if (painted.partLevel) this.addParts(map, painted, painted.partLevel, colours, ink, below);
    (map.getSource("cockpit-hexes") as GeoJSONSource).setData(painted.layer === "hexes" ? (painted.hexes ?? EMPTY) : EMPTY);
    if (painted.layer === "hexes" && painted.hexBreaks.length) {
      const steps = painted.hexBreaks.flatMap((value) => [value, colours[stepOf(value, painted.hexBreaks)]!]);
      map.addLayer({
        id: "cockpit-hexes", type: "fill", source: "cockpit-hexes",
        paint: { "fill-color": ["step", ["get", "count"], colours[0]!, ...steps] as unknown as ExpressionSpecification, "fill-opacity": 0.78 },
      }, below);
    }
    const own = painted.areaLevel === "cell" ? "cells" : painted.areaLevel;
    map.addLayer({
      id: "cockpit-area", type: "line", source: own, "source-layer": own, filter: ["==", ["get", "code"], painted.area],
      paint: { "line-color": ink, "line-width": 3 },
    });
    this.stage.dataset["painted"] = `${painted.area} ${painted.layer} ${painted.pick}`;
  }

  private addParts(map: MapLibre, painted: Painted, level: string, colours: readonly string[], ink: string, below: string | undefined): void {
    const source = level === "cell" ? "cells" : level;
    const filter: ExpressionSpecification = ["in", ["get", "code"], ["literal", [...painted.parts]]];
    const coloured = painted.parts.flatMap((code) => {
      const count = painted.counts.get(code);
      return count === undefined || count === null ? [] : [code, colours[stepOf(count, painted.breaks)]!];
    });
    const color = coloured.length ? ["match", ["get", "code"], ...coloured, colours.at(-1)!] : colours.at(-1)!;
    map.addLayer({
      id: "cockpit-parts", type: "fill", source, "source-layer": source, filter,
      paint: { "fill-color": color as unknown as ExpressionSpecification, "fill-opacity": painted.layer === "areas" ? 0.9 : 0, "fill-antialias": false },
    }, below);
    if (painted.pick) {
      map.addLayer({
        id: "cockpit-pick", type: "line", source, "source-layer": source, filter: ["==", ["get", "code"], painted.pick],
        paint: { "line-color": ink, "line-width": 4 },
      });
    }
  }
}

function same(one: Painted, other: Painted): boolean {
  const plain = ({ hexes: _, counts, ...rest }: Painted): string => JSON.stringify([rest, [...counts]]);
  return one.hexes === other.hexes && plain(one) === plain(other);
}

/** The colours of the page's ramp: 0 to 6, and what is hidden. */
export function rampColours(): string[] {
  const style = getComputedStyle(document.documentElement);
  const names = [...Array.from({ length: RAMP_STEPS + 1 }, (_, step) => `--ramp-${step}`), "--hidden"];
  return names.map((name) => style.getPropertyValue(name).trim());
}

function boundsIn(style: GridStyle): LngLatBoundsLike | null {
  for (const source of Object.values(style.sources)) if (source.type === "vector" && source.bounds) return source.bounds;
  return null;
}
