// The desk's map: the city's style, the cell of the answer and those beside it, the pin, and pins to choose from.
import { LngLatBounds, Marker, type GeoJSONSource, type Map as MapLibre } from "maplibre-gl";
import { h } from "./dom";
import { boundsOf, cityBounds, collection, GridMap } from "./grid_map";
import { say } from "./language";
import type { Service } from "./service";
import type { GridStyle } from "./surface";

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

declare global {
  interface Window {
    /** What the map shows now; tests and colleagues' scripts on the same origin may look. */
    gridmapDesk?: MapLibre | null;
  }
}

export class DeskMap {
  private readonly grid: GridMap;
  private marks: Marks = NO_MARKS;
  private pins: Marker[] = [];
  private readonly legend = h("div", { class: "legend", hidden: true });
  private mayMove = false;

  constructor(stage: HTMLElement, service: Service, pick: (lon: number, lat: number) => void, state: (text: string) => void) {
    this.grid = new GridMap(stage, service, {
      help: () => say("map_help"), noWebgl: () => say("map_no_webgl"), first: cityBounds, state,
      picked: ({ lon, lat }) => pick(lon, lat), takeOver: (style) => this.takeOver(style),
      laid: (map, style) => this.addMarks(map, style.metadata["gridmap:dark"]),
    });
    stage.after(this.legend);
  }

  /** Draws the grid of a time (empty: now); `revision` is the newest that was heard of, and is drawn when it is another. */
  show(at: string, revision: number): void {
    this.grid.show(revision, at ? { at } : {});
  }

  mark(marks: Marks): void {
    this.marks = marks;
    this.mayMove = true;
    this.drawMarks();
  }

  /** Shows a shape as a whole. */
  fit(geometry: GeoJSON.Geometry): void {
    this.grid.map?.fitBounds(boundsOf([geometry]), { padding: 40, duration: 0 });
  }

  private takeOver(style: GridStyle): void {
    window.gridmapDesk = this.grid.map;
    this.legend.hidden = false;
    this.legend.replaceChildren(h("details", null, h("summary", null, say("legend")), style.metadata["gridmap:legend"].map(({ color, label }) => {
      const swatch = h("span", { class: "swatch" });
      swatch.style.backgroundColor = color;
      return h("p", null, swatch, label);
    })));
  }

  private addMarks(map: MapLibre, dark: boolean): void {
    if (map.getSource(SOURCE)) return;
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
    const map = this.grid.map;
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
