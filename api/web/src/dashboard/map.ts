// The cockpit's map: the city's style, over it the parts of the area coloured by their counts, or hexes; a click picks a part.
import type { ExpressionSpecification, GeoJSONSource, LngLatBoundsLike, Map as MapLibre } from "maplibre-gl";
import { cityBounds, collection, GridMap } from "../grid_map";
import { say } from "../language";
import type { Service } from "../service";
import { theme } from "../theme";
import { RAMP_STEPS, stepOf } from "./charts";
import type { Box } from "./data";
import { tell } from "./words";

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
const PADDING = 30;
const EMPTY = collection([]);

export class CockpitMap {
  private readonly grid: GridMap;
  private painted: Painted | null = null;
  private box: Box | null = null;
  private boxShown = "";
  private cityBox: LngLatBoundsLike | null = null;
  private moved = false;

  constructor(private readonly stage: HTMLElement, service: Service, private readonly pick: (code: string) => void, state: (text: string) => void, scale = 1) {
    this.grid = new GridMap(stage, service, {
      help: () => tell("map_help"), noWebgl: () => say("map_no_webgl"), state,
      first: (style) => {
        this.cityBox = cityBounds(style);
        return this.box ? ([...this.box] as LngLatBoundsLike) : this.cityBox;
      },
      picked: ({ pixel }) => this.pickAt(pixel),
      prepare: (map) => this.prepare(map),
      takeOver: () => {
        window.gridmapCockpit = this.grid.map;
        this.boxShown = JSON.stringify(this.box);
      },
      laid: () => this.repaint(),
    }, scale);
  }

  /** Draws the grid; `revision` is the newest that was heard of, and the map is drawn anew when it is another. */
  show(revision: number): void {
    this.grid.show(revision);
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
    const map = this.grid.map;
    const bounds = box ? ([...box] as LngLatBoundsLike) : this.cityBox;
    if (!map || !bounds || Math.min(map.getContainer().clientWidth, map.getContainer().clientHeight) < 3 * PADDING) return;
    this.boxShown = name;
    this.moved = false;
    map.fitBounds(bounds, { padding: PADDING, duration: 0, maxZoom: 17 });
  }

  private prepare(map: MapLibre): void {
    map.on("movestart", (event) => {
      this.moved ||= event.originalEvent !== undefined;
    });
    map.on("resize", () => {
      if (this.moved) return; // else what is shown as a whole stays whole
      this.boxShown = "";
      this.fit(this.box);
    });
  }

  private pickAt([x, y]: readonly [number, number]): void {
    const map = this.grid.map;
    if (!map?.getLayer("cockpit-parts")) return;
    const [found] = map.queryRenderedFeatures([x, y], { layers: ["cockpit-parts"] });
    const code: unknown = found?.properties["code"];
    if (typeof code === "string") this.pick(code);
  }

  /** The layers of ours, anew: they are few, and their tiles are there. */
  private repaint(): void {
    const map = this.grid.map, painted = this.painted;
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
