// The cells around the places looked at, with their duty, kept in this browser: when the server is gone for a while the
// desk goes on with them and says how old they are. Only what a city posts on the wall is kept, for a week at most.
import type { Api, Coverage, Shaped } from "../api";

export interface KeptCell {
  readonly code: string;
  readonly revision: number;
  readonly geometry: GeoJSON.MultiPolygon | GeoJSON.Polygon;
  readonly answer: Coverage;
  readonly kept_at: string;
}

const AROUND_DEGREES = 0.004;
const MOST_AT_ONCE = 24;
const MOST_KEPT = 800;
const FRESH_MS = 5 * 60_000;
const LONGEST_KEPT_MS = 7 * 86_400_000;
const STORE = "cells";

export class Kept {
  private readonly cells = new Map<string, KeptCell>();
  private database: IDBDatabase | null = null;
  private working = false;

  constructor(private readonly api: Api) {}

  get size(): number {
    return this.cells.size;
  }

  /** Reads what an earlier visit kept; without a store (a private window) the page's own memory serves. */
  async open(): Promise<void> {
    try {
      const request = indexedDB.open(`gridmap ${this.api.root.pathname}`, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "code" });
      this.database = await done(request);
      const all = await done(this.database.transaction(STORE).objectStore(STORE).getAll() as IDBRequest<KeptCell[]>);
      const oldest = new Date(Date.now() - LONGEST_KEPT_MS).toISOString();
      for (const cell of all) if (cell.kept_at > oldest) this.cells.set(cell.code, cell);
    } catch {
      this.database = null;
    }
  }

  /** Fetches what lies around a place: the cells, and for a point in each who is on duty there. */
  async keepAround(lon: number, lat: number, revision: number): Promise<void> {
    if (this.working) return;
    this.working = true;
    try {
      const box = [lon - AROUND_DEGREES, lat - AROUND_DEGREES, lon + AROUND_DEGREES, lat + AROUND_DEGREES];
      const bbox = box.map((each) => each.toFixed(5)).join(",");
      const around = await this.api.get<Shaped>("v1/cells", { bbox, f: "geojson", limit: 100 });
      const near = around.features
        .map((feature) => ({ feature, inner: innerPoint(feature.geometry) }))
        .filter(({ feature }) => !this.isFresh(feature.properties.code, revision))
        .sort((a, b) => far(a.inner, lon, lat) - far(b.inner, lon, lat))
        .slice(0, MOST_AT_ONCE);
      const fetched: KeptCell[] = [];
      await inTurns(near, async ({ feature, inner }) => {
        const answer = await this.api.get<Coverage>("v1/coverage", { lon: inner[0], lat: inner[1], crs: "wgs84" });
        if (answer.cell === null) return;
        const { geometry } = feature;
        fetched.push({ code: answer.cell.code, revision: answer.revision, geometry, answer, kept_at: new Date().toISOString() });
      });
      this.put(fetched);
    } catch {
      // What was kept before stays; the next look-up tries again.
    } finally {
      this.working = false;
    }
  }

  /** The kept cell that a place is in, of the newest revision; at a shared edge the lowest code, as the law is. */
  at(lon: number, lat: number): KeptCell | null {
    const found = [...this.cells.values()].filter((cell) => contains(cell.geometry, lon, lat));
    found.sort((a, b) => b.revision - a.revision || (a.code < b.code ? -1 : 1));
    return found[0] ?? null;
  }

  get(code: string): KeptCell | null {
    return this.cells.get(code) ?? null;
  }

  private isFresh(code: string, revision: number): boolean {
    const cell = this.cells.get(code);
    return cell !== undefined && cell.revision === revision && Date.now() - Date.parse(cell.kept_at) < FRESH_MS;
  }

  private put(cells: readonly KeptCell[]): void {
    for (const cell of cells) this.cells.set(cell.code, cell);
    const oldest = [...this.cells.values()].sort((a, b) => (a.kept_at < b.kept_at ? -1 : 1)).slice(0, Math.max(0, this.cells.size - MOST_KEPT));
    for (const cell of oldest) this.cells.delete(cell.code);
    const store = this.database?.transaction(STORE, "readwrite").objectStore(STORE);
    for (const cell of cells) store?.put(cell);
    for (const cell of oldest) store?.delete(cell.code);
  }
}

/** A kept answer as it holds now, for a place in its cell: whose turn is over is on duty no more. */
export function holdsNow(cell: KeptCell, point: Coverage["point"], category: string): Coverage {
  const now = Date.now();
  const { answer } = cell;
  const onDuty = answer.on_duty.filter((turn) => Date.parse(turn.until) > now);
  const posts = new Set(onDuty.map((turn) => turn.post));
  const ladder = answer.ladder.map((rung) => (rung.post !== null && !posts.has(rung.post) ? { ...rung, holder: null, assumed: true } : rung));
  const departments = answer.departments.filter((each) => category === "" || each.categories.includes(category));
  return {
    ...answer, point, on_duty: onDuty, ladder, departments, edge_distance_m: null, ambiguous: false, candidates: [], upcoming: null,
  };
}

/** A point in a polygon: the middle of its widest stretch at half its height. */
export function innerPoint(geometry: GeoJSON.MultiPolygon | GeoJSON.Polygon): [lon: number, lat: number] {
  const polygons = polygonsOf(geometry);
  const largest = polygons.reduce((best, each) => (height(each[0]!) > height(best[0]!) ? each : best));
  const lats = largest[0]!.map((point) => point[1]!);
  const lat = (Math.min(...lats) + Math.max(...lats)) / 2 + 1e-9;
  const crossings = largest.flatMap((ring) => crossingsAt(ring, lat)).sort((a, b) => a - b);
  let best = [crossings[0] ?? largest[0]![0]![0]!, crossings[1] ?? largest[0]![0]![0]!] as const;
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    if (crossings[i + 1]! - crossings[i]! > best[1] - best[0]) best = [crossings[i]!, crossings[i + 1]!];
  }
  return [(best[0] + best[1]) / 2, lat];
}

function contains(geometry: GeoJSON.MultiPolygon | GeoJSON.Polygon, lon: number, lat: number): boolean {
  return polygonsOf(geometry).some((rings) => rings.flatMap((ring) => crossingsAt(ring, lat)).filter((x) => x >= lon).length % 2 === 1);
}

function polygonsOf(geometry: GeoJSON.MultiPolygon | GeoJSON.Polygon): readonly GeoJSON.Position[][][] {
  return geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
}

function crossingsAt(ring: readonly GeoJSON.Position[], lat: number): number[] {
  const found: number[] = [];
  for (let i = 0; i + 1 < ring.length; i++) {
    const [x1, y1] = ring[i] as [number, number], [x2, y2] = ring[i + 1] as [number, number];
    if (y1 > lat !== y2 > lat) found.push(x1 + ((lat - y1) / (y2 - y1)) * (x2 - x1));
  }
  return found;
}

function height(ring: readonly GeoJSON.Position[]): number {
  const lats = ring.map((point) => point[1]!);
  return Math.max(...lats) - Math.min(...lats);
}

function far([x, y]: readonly [number, number], lon: number, lat: number): number {
  return Math.hypot((x - lon) * 0.77, y - lat);
}

/** Runs a task for each, four at a time. */
async function inTurns<T>(each: readonly T[], task: (one: T) => Promise<void>): Promise<void> {
  const left = [...each];
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await task(one);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's store cannot be read"));
  });
}
