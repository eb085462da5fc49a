// The cells as a draft has them: those of its base that were looked at, with what it changes; and geometry on them, in
// degrees, good enough to say what is meant. What becomes of it is worked out by the service, exactly.
import type { CellFeature, Change, PlannerApi, Shape } from "./api";

export type Position = readonly [lon: number, lat: number];
export type Box = readonly [west: number, south: number, east: number, north: number];
export type Segment = readonly [Position, Position];

const MOST_DEGREES = 0.06;
// Vertices of neighbours that differ by less are the same: half a millimetre.
const SAME_DEGREES = 5e-9;

export class DraftCells {
  private base = 0;
  private known = new Map<string, CellFeature>();
  private seen: Box[] = [];
  private gone = new Set<string>();
  private drawn: readonly CellFeature[] = [];

  constructor(private readonly api: PlannerApi) {}

  /** What a draft makes of its base; null: the base itself. */
  take(base: number, change: Change | null): void {
    if (base !== this.base) {
      this.base = base;
      this.known = new Map();
      this.seen = [];
    }
    for (const each of change?.before.features ?? []) this.known.set(each.properties.code, each);
    this.gone = new Set(change?.before.features.map((each) => each.properties.code));
    this.drawn = change?.after.features ?? [];
  }

  /** Fetches the cells of a box, if it is small and was not seen; says whether there are more of them now. */
  async look(box: Box, stop: AbortSignal): Promise<boolean> {
    const [west, south, east, north] = box;
    if (this.base === 0 || east - west > MOST_DEGREES || north - south > MOST_DEGREES) return false;
    if (this.seen.some((each) => each[0] <= west && each[1] <= south && each[2] >= east && each[3] >= north)) return false;
    const [margin, base] = [Math.max(east - west, north - south) / 4, this.base];
    const wider: Box = [west - margin, south - margin, east + margin, north + margin];
    const found = await this.api.cells(base, wider.map((each) => each.toFixed(6)).join(","), stop);
    if (base !== this.base) return false;
    for (const each of found.features) if (!this.known.has(each.properties.code)) this.known.set(each.properties.code, each);
    if (found.next === null) this.seen.push(wider);
    return true;
  }

  /** A cell by its code, fetched if it was not seen; null if the draft has none. */
  async find(code: string): Promise<CellFeature | null> {
    const there = this.get(code);
    if (there || this.gone.has(code) || this.base === 0) return there;
    const found = (await this.api.cell(this.base, code)).features[0];
    if (!found || (found.properties as { status?: string }).status === "retired") return null;
    this.known.set(code, found);
    return found;
  }

  get(code: string): CellFeature | null {
    return this.drawn.find((each) => each.properties.code === code) ?? (this.gone.has(code) ? null : this.known.get(code) ?? null);
  }

  all(): CellFeature[] {
    return [...[...this.known.values()].filter((each) => !this.gone.has(each.properties.code)), ...this.drawn];
  }

  at(lon: number, lat: number): CellFeature | null {
    return this.all().find((each) => contains(each.geometry, [lon, lat])) ?? null;
  }

  /** The cell in which most of a line runs; ends that were drawn beyond it do not count for much. */
  crossed(line: readonly Position[]): CellFeature | null {
    return most(along(line, 100).map((place) => this.at(...place)));
  }

  /** The cell that has most of a ring's inside, of those that are not ``but``. */
  beneath(ring: readonly Position[], but = ""): CellFeature | null {
    const shape: Shape = { type: "Polygon", coordinates: [ring.map((each) => [...each])] };
    const box = boxOf([shape]), places: Position[] = [];
    for (let i = 0.5; i < 20; i++) for (let j = 0.5; j < 20; j++) {
      const place: Position = [box[0] + ((box[2] - box[0]) * i) / 20, box[1] + ((box[3] - box[1]) * j) / 20];
      if (contains(shape, place)) places.push(place);
    }
    const found = places.map((place) => this.at(...place));
    return most(found.filter((each) => each?.properties.code !== but)) ?? most(found);
  }
}

function most(found: readonly (CellFeature | null)[]): CellFeature | null {
  const counts = new Map<CellFeature, number>();
  for (const each of found) if (each) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1])[0]?.[0] ?? null;
}

/** About so many places along a line, evenly. */
function along(line: readonly Position[], count: number): Position[] {
  const pieces = line.slice(1).map((end, i) => ({ start: line[i]!, end, length: Math.hypot(end[0] - line[i]![0], end[1] - line[i]![1]) }));
  const whole = pieces.reduce((sum, each) => sum + each.length, 0);
  return pieces.flatMap(({ start, end, length }) => {
    const steps = Math.max(1, Math.round((count * length) / whole));
    return Array.from({ length: steps }, (_, i): Position => between(start, end, (i + 0.5) / steps));
  });
}

export function ringsOf(shape: Shape): readonly (readonly Position[])[] {
  const rings = shape.type === "Polygon" ? shape.coordinates : shape.coordinates.flat();
  return rings as unknown as Position[][];
}

export function contains(shape: Shape, [x, y]: Position): boolean {
  let inside = false;
  for (const ring of ringsOf(shape)) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [a, b] = ring[i]!, [c, d] = ring[j]!;
      if (b > y !== d > y && x < ((c - a) * (y - b)) / (d - b) + a) inside = !inside;
    }
  }
  return inside;
}

export function segmentsOf(shape: Shape): Segment[] {
  return ringsOf(shape).flatMap((ring) => ring.slice(1).map((end, i): Segment => [ring[i]!, end]));
}

/** The longest line that two cells share; empty when they do not touch along one. */
export function sharedLine(one: Shape, other: Shape): Position[] {
  const theirs = segmentsOf(other);
  const isTheirs = (place: Position): boolean => theirs.some((each) => distanceTo(place, each) <= SAME_DEGREES);
  const lines: Position[][] = [];
  for (const ring of ringsOf(one)) {
    const shared = ring.slice(1).map((end, i) => isTheirs(ring[i]!) && isTheirs(end) && isTheirs(between(ring[i]!, end, 0.5)));
    const first = Math.max(shared.indexOf(false), 0); // begins where nothing is shared, so that no line is cut at the ring's start
    let line: Position[] = [];
    for (let step = 0; step < shared.length; step++) {
      const at = (first + step) % shared.length;
      if (shared[at]) line = line.length ? [...line, ring[at + 1]!] : [ring[at]!, ring[at + 1]!];
      if (line.length && (!shared[at] || step === shared.length - 1)) {
        lines.push(line);
        line = [];
      }
    }
  }
  return lines.sort((a, b) => lengthOf(b) - lengthOf(a))[0] ?? [];
}

function lengthOf(line: readonly Position[]): number {
  return line.slice(1).reduce((sum, end, i) => sum + Math.hypot(end[0] - line[i]![0], end[1] - line[i]![1]), 0);
}

function between(start: Position, end: Position, share: number): Position {
  return [start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share];
}

/** The place on a segment nearest to another. */
export function nearestOn([x, y]: Position, [start, end]: Segment): Position {
  const [dx, dy] = [end[0] - start[0], end[1] - start[1]];
  const length = dx * dx + dy * dy;
  return between(start, end, length === 0 ? 0 : Math.min(1, Math.max(0, ((x - start[0]) * dx + (y - start[1]) * dy) / length)));
}

function distanceTo(place: Position, segment: Segment): number {
  const [x, y] = nearestOn(place, segment);
  return Math.hypot(place[0] - x, place[1] - y);
}

/** The box around shapes. */
export function boxOf(shapes: readonly Shape[]): Box {
  const places = shapes.flatMap((each) => ringsOf(each).flat());
  const [lons, lats] = [places.map((each) => each[0]), places.map((each) => each[1])];
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}

/** A place inside a shape: the middle of the widest run on its middle latitude. */
export function innerPlace(shape: Shape): Position {
  const [, south, , north] = boxOf([shape]), y = (south + north) / 2 + (north - south) * 1e-4;
  const crossings = segmentsOf(shape).filter(([a, b]) => a[1] > y !== b[1] > y)
    .map(([a, b]) => a[0] + ((b[0] - a[0]) * (y - a[1])) / (b[1] - a[1])).sort((a, b) => a - b);
  let best: Position = [crossings[0] ?? 0, y], widest = -1;
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    const width = crossings[i + 1]! - crossings[i]!;
    if (width > widest) [best, widest] = [[crossings[i]! + width / 2, y], width];
  }
  return best;
}
