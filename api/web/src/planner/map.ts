// The planner's map: the grid of a revision, over it what a draft makes of it, where it does not hold, and remarks.
import { Marker, type GeoJSONSource, type LngLatBoundsLike, type Map as MapLibre } from "maplibre-gl";
import { h } from "../dom";
import { boundsOf, cityBounds, collection, GridMap } from "../grid_map";
import type { Service } from "../service";
import type { GridStyle } from "../surface";
import { theme } from "../theme";
import type { CellFeature } from "./api";
import { segmentsOf, type Box, type Position, type Segment } from "./cells";
import type { Drawing, DrawingParts } from "./draw";
import { tell } from "./language";
import { NOTHING_OVER, type Overlay } from "./over";

export interface MapParts {
  readonly picked: (place: Position, more: boolean) => void;
  readonly moved: () => void;
  readonly state: (text: string) => void;
  /** How to draw on the map; null: it is only looked at. */
  readonly drawing: DrawingParts | null;
  /** The map is there, or another one in its place. */
  readonly ready: () => void;
}

const INK = {
  light: { fresh: "#00695c", changed: "#8a4b00", old: "#a3160f", chosen: "#0b57d0", wrong: "#c2185b", paper: "#ffffff", ink: "#17212b" },
  dark: { fresh: "#5eead4", changed: "#fbbf6b", old: "#ffb4a8", chosen: "#9ecbff", wrong: "#ff8ab8", paper: "#10161b", ink: "#eaf0f5" },
} as const;

declare global {
  interface Window {
    /** What the planner's map shows now; tests and colleagues' scripts on the same origin may look. */
    gridmapPlanner?: MapLibre | null;
  }
}

export class PlannerMap {
  drawing: Drawing | null = null;
  private readonly grid: GridMap;
  private over: Overlay = NOTHING_OVER;
  private pins: Marker[] = [];
  private edges: readonly Segment[] = [];
  private near: readonly Segment[] | null = null;
  private keyed: readonly Position[] = [];
  /** It stands where the address has it; from then on the address follows it. */
  private settled = false;

  constructor(stage: HTMLElement, service: Service, first: Box | null, private readonly parts: MapParts) {
    this.grid = new GridMap(stage, service, {
      help: () => tell("map_help"), noWebgl: () => tell("map_no_webgl"), state: parts.state,
      first: (style) => (first ? ([...first] as LngLatBoundsLike) : cityBounds(style)),
      picked: ({ lon, lat, more }) => parts.picked([lon, lat], more),
      prepare: (map) => map.on("moveend", () => {
        this.near = null;
        if (this.settled) parts.moved();
      }),
      takeOver: () => {
        if (parts.drawing) window.gridmapPlanner = this.map;
        this.drawing = null;
      },
      laid: (map, style) => {
        if (map.getSource("planner-after")) return;
        this.addLayers(map, style);
        void this.takePens(map);
      },
    });
  }

  get map(): MapLibre | null {
    return this.grid.map;
  }

  /** Draws the grid of a revision, in the page's language and theme. */
  show(revision: number): void {
    this.grid.show(revision, { revision: String(revision) });
  }

  lay(over: Overlay): void {
    this.over = over;
    this.drawOver();
  }

  /** The cells whose vertices a line snaps to. */
  snapTo(cells: readonly CellFeature[]): void {
    this.edges = cells.flatMap((each) => segmentsOf(each.geometry));
    this.near = null;
  }

  /** The edges in view. */
  segments(): readonly Segment[] {
    const box = this.box();
    if (!box) return this.edges;
    this.near ??= this.edges.filter(([[a, b], [c, d]]) => Math.max(a, c) > box[0] && Math.min(a, c) < box[2] && Math.max(b, d) > box[1] && Math.min(b, d) < box[3]);
    return this.near;
  }

  sketch(line: readonly Position[]): void {
    this.keyed = line;
    this.set("planner-keyed", this.keyedFeatures());
  }

  box(): Box | null {
    const bounds = this.map?.getBounds();
    return bounds ? [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()] : null;
  }

  fit(box: Box): void {
    this.map?.fitBounds([box[0], box[1], box[2], box[3]], { padding: { top: 120, bottom: 60, left: 60, right: 60 }, maxZoom: 17, duration: 0 });
  }

  fitShapes(shapes: readonly GeoJSON.Geometry[]): void {
    const bounds = boundsOf(shapes);
    if (!bounds.isEmpty()) this.fit([bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()]);
  }

  /** The camera as the address has it. */
  place(): string {
    const map = this.map;
    return map ? [map.getCenter().lng.toFixed(5), map.getCenter().lat.toFixed(5), map.getZoom().toFixed(2)].join(",") : "";
  }

  goTo(place: string): void {
    const [lon, lat, zoom] = place.split(",").map(Number);
    if ([lon, lat, zoom].every((each) => Number.isFinite(each))) this.map?.jumpTo({ center: [lon!, lat!], zoom: zoom! });
  }

  private async takePens(map: MapLibre): Promise<void> {
    if (this.parts.drawing) {
      const { Drawing: Pens } = await import("./draw");
      if (map !== this.map) return;
      const ink = INK[theme()];
      this.drawing = new Pens(map, ink.chosen, ink.paper, this.parts.drawing);
    }
    this.parts.ready();
    this.settled = true;
  }

  private addLayers(map: MapLibre, style: GridStyle): void {
    const ink = INK[style.metadata["gridmap:dark"] ? "dark" : "light"];
    const told = ["match", ["get", "change"], "new", ink.fresh, ink.changed] as never;
    for (const name of ["before", "after", "shown", "offences", "chosen", "vertices", "keyed"]) {
      map.addSource(`planner-${name}`, { type: "geojson", data: collection([]), tolerance: 0 });
    }
    const line = (id: string, color: unknown, width: number, dash: number[] | null = null): void => {
      map.addLayer({ id: `planner-${id}-line`, type: "line", source: `planner-${id}`, filter: ["!=", ["geometry-type"], "Point"],
        layout: { "line-join": "round" }, paint: { "line-color": color as string, "line-width": width, ...(dash ? { "line-dasharray": dash } : {}) } });
    };
    const fill = (id: string, color: unknown, opacity: number): void => {
      map.addLayer({ id: `planner-${id}-fill`, type: "fill", source: `planner-${id}`, filter: ["==", ["geometry-type"], "Polygon"],
        paint: { "fill-color": color as string, "fill-opacity": opacity } });
    };
    fill("after", told, 0.22);
    line("before", ink.old, 2, [2, 2]);
    line("after", told, 3);
    fill("shown", ink.chosen, 0.14);
    line("shown", ink.chosen, 2.5, [4, 1.5]);
    fill("chosen", ink.chosen, 0.18);
    line("chosen", ink.chosen, 4);
    fill("offences", ink.wrong, 0.14);
    line("offences", ink.wrong, 5);
    map.addLayer({ id: "planner-offences-point", type: "circle", source: "planner-offences", filter: ["==", ["geometry-type"], "Point"],
      paint: { "circle-color": ink.wrong, "circle-radius": 6, "circle-stroke-color": ink.paper, "circle-stroke-width": 2 } });
    map.addLayer({ id: "planner-vertices", type: "circle", source: "planner-vertices", minzoom: 14,
      paint: { "circle-color": ink.paper, "circle-radius": 3, "circle-stroke-color": ink.ink, "circle-stroke-width": 1.2 } });
    line("keyed", ink.chosen, 4);
    map.addLayer({ id: "planner-keyed-point", type: "circle", source: "planner-keyed", filter: ["==", ["geometry-type"], "Point"],
      paint: { "circle-color": ink.chosen, "circle-radius": 5, "circle-stroke-color": ink.paper, "circle-stroke-width": 2 } });
    const fonts = map.getLayer("cell_label") ? map.getLayoutProperty("cell_label", "text-font") as string[] : undefined;
    for (const id of ["after", "shown"]) {
      map.addLayer({ id: `planner-${id}-label`, type: "symbol", source: `planner-${id}`, minzoom: 13, filter: ["has", "name"],
        layout: { "text-field": ["get", "name"], "text-size": 14, ...(fonts ? { "text-font": fonts } : {}) },
        paint: { "text-color": ink.ink, "text-halo-color": ink.paper, "text-halo-width": 1.6 } });
    }
    this.drawOver();
  }

  private drawOver(): void {
    const map = this.map, { before, after, chosen, shown, offences, pins } = this.over;
    for (const pin of this.pins) pin.remove();
    this.pins = [];
    if (!map?.getSource("planner-after")) return;
    this.set("planner-before", [...before]);
    this.set("planner-after", [...after]);
    this.set("planner-chosen", [...chosen]);
    this.set("planner-shown", [...shown]);
    this.set("planner-offences", offences as unknown as GeoJSON.Feature[]);
    this.set("planner-keyed", this.keyedFeatures());
    const corners = this.over.vertices ? this.segments().slice(0, 20_000).map(([start]) => point(start)) : [];
    this.set("planner-vertices", corners);
    this.hide(map, before.map((each) => each.properties.code));
    this.pins = pins.map(({ label, place, tone, pick }) => {
      const button = h("button", { type: "button", class: `place-pin ${tone}`, onclick: (event: Event) => {
        event.stopPropagation();
        pick();
      } }, label);
      return new Marker({ element: button, anchor: "bottom" }).setLngLat([place[0], place[1]]).addTo(map);
    });
  }

  /** The cells that a draft ends or changes are not drawn as the base has them. */
  private hide(map: MapLibre, codes: readonly string[]): void {
    const stay = ["!", ["in", ["get", "code"], ["literal", [...codes]]]];
    for (const id of ["cells", "cells_line"]) if (map.getLayer(id)) map.setFilter(id, stay as never);
    if (map.getLayer("cell_label")) map.setFilter("cell_label", ["all", ["==", ["get", "level"], "cell"], stay] as never);
  }

  private keyedFeatures(): GeoJSON.Feature[] {
    const line: GeoJSON.Feature = { type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: this.keyed.map((each) => [...each]) } };
    return [...(this.keyed.length > 1 ? [line] : []), ...this.keyed.map(point)];
  }

  private set(source: string, features: GeoJSON.Feature[]): void {
    (this.map?.getSource(source) as GeoJSONSource | undefined)?.setData(collection(features));
  }
}

function point(place: Position): GeoJSON.Feature {
  return { type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [...place] } };
}
