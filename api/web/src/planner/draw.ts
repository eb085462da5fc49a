// Drawing on the planner's map: lines and pieces with terra-draw, snapped to the cells' own vertices and edges, and
// the same by keyboard at the middle of the map.
import type { Map as MapLibre } from "maplibre-gl";
import { TerraDraw, TerraDrawLineStringMode, TerraDrawPolygonMode, TerraDrawSelectMode, type HexColor } from "terra-draw";
import { TerraDrawMapLibreGLAdapter } from "terra-draw-maplibre-gl-adapter";
import { nearestOn, type Position, type Segment } from "./cells";

export type Pen = "line" | "piece" | "edge";

const VERTEX_PX = 14;
const EDGE_PX = 9;
const DECIMALS = 9;

export interface DrawingParts {
  /** The edges of the cells to snap to, each end a vertex. */
  readonly edges: () => readonly Segment[];
  /** A line is drawn, a piece is closed, or an edge was dragged to where it is now. */
  readonly finished: (pen: Pen, line: readonly Position[]) => void;
  /** What is drawn by keyboard so far. */
  readonly keyed: (line: readonly Position[]) => void;
}

export class Drawing {
  private readonly draw: TerraDraw;
  private pen: Pen | null = null;
  private line: Position[] = [];

  constructor(private readonly map: MapLibre, color: HexColor, paper: HexColor, private readonly parts: DrawingParts) {
    const snapping = { toCustom: ({ lng, lat }: { lng: number; lat: number }) => this.snapped(lng, lat) ?? undefined };
    const points = { closingPointColor: color, closingPointWidth: 7, closingPointOutlineColor: paper, closingPointOutlineWidth: 2,
      snappingPointColor: paper, snappingPointWidth: 7, snappingPointOutlineColor: color, snappingPointOutlineWidth: 4 } as const;
    this.draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({ map, coordinatePrecision: DECIMALS }),
      modes: [
        new TerraDrawLineStringMode({ snapping, showCoordinatePoints: true, styles: { ...points, lineStringColor: color, lineStringWidth: 4,
          coordinatePointColor: color, coordinatePointWidth: 5, coordinatePointOutlineColor: paper, coordinatePointOutlineWidth: 2 } }),
        new TerraDrawPolygonMode({ snapping, styles: { ...points, outlineColor: color, outlineWidth: 3, fillColor: color, fillOpacity: 0.2 } }),
        new TerraDrawSelectMode({
          allowManualDeselection: false,
          flags: { linestring: { feature: { draggable: false, coordinates: { midpoints: true, draggable: true, deletable: true, snappable: snapping } } } },
          styles: { selectedLineStringColor: color, selectedLineStringWidth: 5, selectionPointColor: paper, selectionPointWidth: 7,
            selectionPointOutlineColor: color, selectionPointOutlineWidth: 3, midPointColor: color, midPointWidth: 4, midPointOutlineColor: paper, midPointOutlineWidth: 1 },
        }),
      ],
    });
    this.draw.on("finish", (id, { action }) => {
      const pen = this.pen, shape = this.draw.getSnapshotFeature(id)?.geometry;
      if (!pen || !shape || shape.type === "Point") return;
      const line = (shape.type === "LineString" ? shape.coordinates : shape.coordinates[0]!) as unknown as Position[];
      if (pen !== "edge" && action === "draw") setTimeout(() => this.clear()); // not while terra-draw is still at it
      this.parts.finished(pen, line);
    });
    this.draw.start();
    map.getCanvas().addEventListener("keydown", this.key, { capture: true });
  }

  /** Takes a pen in hand; ``edge`` is the line that is dragged with it. null: puts it down. */
  take(pen: Pen | null, edge: readonly Position[] = []): void {
    this.pen = pen;
    this.clear();
    this.draw.setMode(pen === "line" ? "linestring" : pen === "piece" ? "polygon" : pen === "edge" ? "select" : "static");
    if (pen !== "edge" || edge.length < 2) return;
    const coordinates = edge.map(([lon, lat]) => [rounded(lon), rounded(lat)]);
    const [added] = this.draw.addFeatures([{ type: "Feature", properties: { mode: "linestring" }, geometry: { type: "LineString", coordinates } }]);
    if (added?.id !== undefined && added.valid) this.draw.selectFeature(added.id);
  }

  /** Begins anew with the same pen. */
  clear(): void {
    this.draw.clear();
    this.line = [];
    this.parts.keyed([]);
  }

  remove(): void {
    this.map.getCanvas().removeEventListener("keydown", this.key, { capture: true });
    this.draw.stop();
  }

  /** The vertex near a place, else the place on the nearest edge, as one sees it. */
  private snapped(lon: number, lat: number): [number, number] | null {
    const { x, y } = this.map.project([lon, lat]);
    const near = (place: Position): number => {
      const at = this.map.project([place[0], place[1]]);
      return Math.hypot(at.x - x, at.y - y);
    };
    // A few metres of degrees, so that only what is near is looked at closely.
    const reach = 2 * Math.abs(this.map.unproject([x + VERTEX_PX, y]).lng - lon);
    const edges = this.parts.edges().filter(([[a, b], [c, d]]) =>
      Math.min(a, c) < lon + reach && Math.max(a, c) > lon - reach && Math.min(b, d) < lat + reach && Math.max(b, d) > lat - reach);
    const best = (places: readonly Position[], within: number): Position | null => {
      let found: Position | null = null, least = within;
      for (const place of places) {
        const away = near(place);
        if (away < least) [found, least] = [place, away];
      }
      return found;
    };
    const found = best(edges.map(([start]) => start), VERTEX_PX) ?? best(edges.map((each) => nearestOn([lon, lat], each)), EDGE_PX);
    return found && [rounded(found[0]), rounded(found[1])];
  }

  private readonly key = (event: KeyboardEvent): void => {
    if (this.pen !== "line" && this.pen !== "piece") return;
    if (event.key === " ") {
      const { lng, lat } = this.map.getCenter();
      this.line = [...this.line, this.snapped(lng, lat) ?? [rounded(lng), rounded(lat)]];
    } else if (event.key === "Backspace" && this.line.length) {
      this.line = this.line.slice(0, -1);
    } else if (event.key === "Enter" && this.line.length >= (this.pen === "line" ? 2 : 3)) {
      const line = this.pen === "line" ? this.line : [...this.line, this.line[0]!];
      this.clear();
      this.parts.finished(this.pen, line);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    this.parts.keyed(this.line);
  };
}

function rounded(degrees: number): number {
  return Number(degrees.toFixed(DECIMALS));
}
