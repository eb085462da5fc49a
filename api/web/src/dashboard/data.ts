// Asks for the numbers of a place: live ones for its staff, for everybody else what releases say. Hidden is null, never 0.
import type {
  Api, Area, AreaDetail, Areas, CellDetail, Cells, City, Heatmap, Me, Profile, Released, ReleaseListed, Roster, Shaped,
} from "../api";
import { timesOf, type View } from "./url";
import { Refused } from "../service";

export type Box = readonly [west: number, south: number, east: number, north: number];

/** Where numbers come from and how old they are. */
export type Age =
  | { readonly kind: "live"; readonly at: string; readonly version: string }
  | { readonly kind: "release"; readonly period: string; readonly revision: number };

export interface Part {
  readonly code: string;
  readonly name: string;
  readonly cells: number;
  readonly kinds: Readonly<Record<string, number>>;
}

export interface Place extends Part {
  readonly level: string;
  readonly revision: number;
  readonly above: readonly Area[];
  readonly services: readonly string[];
  readonly retired: boolean;
  /** Its bounds; null: those of the city. */
  readonly box: Box | null;
  /** The level of what it consists of; null: it is a cell. */
  readonly partLevel: string | null;
  readonly parts: readonly Part[];
}

/** One count for each key, null where it is hidden. */
export interface Counted {
  readonly rows: readonly (readonly [key: string, count: number | null])[];
  readonly total: number | null;
  readonly age: Age;
}

const MOST_MONTHS = 12;

export async function findPlace(api: Api, city: City, view: View, stop: AbortSignal): Promise<Place> {
  const code = view.area || city.code;
  if (view.level === "cell") return findCell(api, code, stop);
  try {
    return await findArea(api, city, code, stop);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404 || code === city.code) throw error;
    return findCell(api, code, stop);
  }
}

async function findArea(api: Api, city: City, code: string, stop: AbortSignal): Promise<Place> {
  const path = `v1/areas/${encodeURIComponent(code)}`;
  const whole = code === city.code;
  const [detail, below, shape] = await Promise.all([
    api.get<AreaDetail>(path, {}, stop), api.get<Areas>("v1/areas", { parent: code }, stop),
    whole ? null : api.get<Shaped>(path, { f: "geojson" }, stop),
  ]);
  const partLevel = city.levels[city.levels.indexOf(detail.level) + 1] ?? "cell";
  const outline = shape?.features[0]?.geometry ?? null;
  return {
    ...detail, above: detail.areas, services: [], retired: detail.status !== "current", box: outline && boxOf(outline), partLevel,
    parts: partLevel === "cell" ? await cellsOf(api, code, stop) : below.areas,
  };
}

async function cellsOf(api: Api, area: string, stop: AbortSignal): Promise<readonly Part[]> {
  const { cells } = await api.get<Cells>("v1/cells", { area }, stop);
  return cells.map(({ code, name, kind }) => ({ code, name, cells: 1, kinds: { [kind]: 1 } }));
}

async function findCell(api: Api, code: string, stop: AbortSignal): Promise<Place> {
  const path = `v1/cells/${encodeURIComponent(code)}`;
  const [detail, shape] = await Promise.all([api.get<CellDetail>(path, {}, stop), api.get<Shaped>(path, { f: "geojson" }, stop)]);
  const outline = shape.features[0]!.geometry;
  return {
    ...detail, level: "cell", cells: 1, kinds: { [detail.kind]: 1 }, above: detail.areas, retired: detail.status !== "current",
    box: boxOf(outline), partLevel: null, parts: [],
  };
}

// Who is told live counts of their territory: GridMap's table of roles says so, and the service has the last word.
const COUNTING = ["viewer", "dispatcher", "caseworker", "planner", "approver", "publisher"];

export function isStaffOf(me: Me | null, place: Place): boolean {
  const codes = [place.code, ...place.above.map((each) => each.code)];
  return me !== null && COUNTING.includes(me.role) && me.territories.some((each) => codes.includes(each));
}

export function rosterOf(api: Api, place: { readonly code: string; readonly level: string }, stop: AbortSignal): Promise<Roster> {
  return api.get<Roster>(`v1/${place.level === "cell" ? "cells" : "areas"}/${encodeURIComponent(place.code)}/roster`, {}, stop);
}

/** What counts are of, as the heatmap takes it. */
export function subjectOf(view: View): Record<string, string> {
  return view.of === "incidents" ? { of: "incidents" } : { of: "elements", class: view.of };
}

/** The heatmap of a place by its parts (or by hex), as a query; releases are asked by a box, since they know no area. */
export function heatmapQuery(view: View, place: Place, staff: boolean, by: Record<string, string>): Record<string, string> {
  const where: Record<string, string> = staff ? { area: place.code } : place.box ? { bbox: place.box.map((each) => each.toFixed(6)).join(",") } : {};
  return { ...subjectOf(view), ...by, ...where, ...(view.category ? { category: view.category } : {}), ...timesOf(view) };
}

const RESOLUTIONS = ["7", "8", "9", "10"];

/** Hexes as small as the place asks for; releases have none below 9. */
export function hexesOf(city: City, place: Place, staff: boolean): Record<string, string> {
  const own = place.level === "cell" ? "11" : (RESOLUTIONS[city.levels.indexOf(place.level)] ?? "10");
  return { by: "hex", resolution: staff || Number(own) < 9 ? own : "9" };
}

/** The counts of one place and of what it consists of: live. */
export class Live {
  constructor(private readonly api: Api, private readonly view: View) {}

  async parts(place: Place, stop: AbortSignal): Promise<Counted> {
    const by = place.partLevel ?? "cell";
    const found = await this.api.get<Heatmap>("v1/heatmap", heatmapQuery(this.view, place, true, { by, zeros: "true" }), stop);
    return {
      rows: found.rows.map((row) => [row.code ?? "", row.count]), total: found.total,
      age: { kind: "live", at: new Date().toISOString(), version: found.data_version },
    };
  }

  trend(code: string, stop: AbortSignal): Promise<Counted | null> {
    return this.view.of === "incidents" ? this.profile("month", code, { ...this.view, month: "" }, stop) : Promise.resolve(null);
  }

  week(code: string, stop: AbortSignal): Promise<Counted | null> {
    return this.view.of === "incidents" ? this.profile("week_hour", code, { ...this.view, weekday: "", hour: "" }, stop) : Promise.resolve(null);
  }

  categories(code: string, stop: AbortSignal): Promise<Counted | null> {
    return this.profile("category", code, { ...this.view, category: "" }, stop);
  }

  private async profile(by: string, area: string, view: View, stop: AbortSignal): Promise<Counted> {
    const asked = { ...subjectOf(view), by, area, ...(view.category ? { category: view.category } : {}), ...timesOf(view) };
    const found = await this.api.get<Profile>("v1/heatmap/profile", asked, stop);
    return {
      rows: found.rows.map((row) => [row.key, row.count]), total: found.total,
      age: { kind: "live", at: found.as_of, version: found.data_version },
    };
  }
}

/** The same of releases: whole months, no hours, and of some rows nothing. */
export class OfReleases {
  constructor(private readonly api: Api, private readonly view: View, private readonly releases: readonly ReleaseListed[]) {}

  /** The releases that count what is asked for, the newest first. */
  private get counting(): readonly ReleaseListed[] {
    return this.releases.filter((each) => each.tables.some((table) => table.of === this.view.of));
  }

  private get shown(): ReleaseListed | null {
    return this.counting.find((each) => each.period === this.view.month) ?? this.counting[0] ?? null;
  }

  async parts(place: Place, stop: AbortSignal): Promise<Counted | null> {
    const release = this.shown;
    if (release === null) return null;
    const [own, within] = await Promise.all([
      this.read(release, place.level, place, this.view.category, stop),
      place.partLevel ? this.read(release, place.partLevel, place, this.view.category, stop) : null,
    ]);
    const known = new Map(within?.rows.map((row) => [row.code, row.count]));
    return {
      rows: place.parts.filter((each) => known.has(each.code)).map((each) => [each.code, known.get(each.code) ?? null]),
      total: countOf(own, place.code), age: { kind: "release", period: release.period, revision: release.revision },
    };
  }

  async trend(place: Place, level: string, code: string, stop: AbortSignal): Promise<Counted | null> {
    if (this.view.of !== "incidents" || this.counting.length === 0) return null;
    const months = this.counting.slice(0, MOST_MONTHS).reverse();
    const counts = await Promise.all(months.map(async (each) => countOf(await this.read(each, level, place, this.view.category, stop), code)));
    const newest = months.at(-1)!;
    return {
      rows: months.map((each, at) => [each.period, counts[at] ?? null]), total: null,
      age: { kind: "release", period: `${months[0]!.period} – ${newest.period}`, revision: newest.revision },
    };
  }

  async categories(place: Place, level: string, code: string, stop: AbortSignal): Promise<Counted | null> {
    const release = this.shown;
    if (release === null || this.view.of !== "incidents") return null;
    const names = release.tables.filter((each) => each.of === "incidents" && each.category !== null).map((each) => each.category!);
    const counts = await Promise.all(names.map(async (each) => countOf(await this.read(release, level, place, each, stop), code)));
    return {
      rows: names.map((each, at) => [each, counts[at] ?? null]), total: null,
      age: { kind: "release", period: release.period, revision: release.revision },
    };
  }

  private read(release: ReleaseListed, by: string, place: Place, category: string, stop: AbortSignal): Promise<Released> {
    const bbox = place.box?.map((each) => each.toFixed(6)).join(",") ?? "";
    return this.api.get<Released>(`v1/releases/${release.period}`, { of: this.view.of, by, category, bbox }, stop);
  }
}

function countOf(found: Released, code: string): number | null {
  return found.rows.find((row) => row.code === code)?.count ?? null;
}

export interface Share {
  readonly what: "incidents" | "elements";
  readonly all: number | null;
  readonly inside: number | null;
}

/** How much of all that is known lies in a cell: of the whole city. */
export interface InGrid {
  readonly shares: readonly Share[];
  readonly age: Age | null;
}

const BOTH = ["incidents", "elements"] as const;

export async function inGrid(api: Api, city: City, staff: boolean, releases: readonly ReleaseListed[], stop: AbortSignal): Promise<InGrid> {
  if (!staff) {
    const [newest] = releases;
    const age = newest ? { kind: "release", period: newest.period, revision: newest.revision } as const : null;
    return { shares: BOTH.map((what) => releasedShare(what, newest)), age };
  }
  const found = await Promise.all(BOTH.map((what) => api.get<Heatmap>("v1/heatmap", { of: what, by: city.levels[0]! }, stop)));
  return {
    shares: found.map(({ total, outside }, at) => ({ what: BOTH[at]!, all: total, inside: (total ?? 0) - (outside ?? 0) })),
    age: { kind: "live", at: new Date().toISOString(), version: found[0]!.data_version },
  };
}

function releasedShare(what: Share["what"], release: ReleaseListed | undefined): Share {
  const tables = (release?.tables ?? []).filter((each) => (each.of === "incidents") === (what === "incidents"));
  if (tables.length === 0 || tables.some((each) => each.inside === null || each.outside === null)) return { what, all: null, inside: null };
  const inside = tables.reduce((sum, each) => sum + each.inside!, 0);
  return { what, inside, all: tables.reduce((sum, each) => sum + each.outside!, inside) };
}

export function boxOf(geometry: GeoJSON.Geometry): Box {
  let [west, south, east, north] = [180, 90, -180, -90];
  const walk = (coordinates: unknown): void => {
    if (!Array.isArray(coordinates)) return;
    const [lon, lat] = coordinates as unknown[];
    if (typeof lon === "number" && typeof lat === "number") {
      [west, south, east, north] = [Math.min(west, lon), Math.min(south, lat), Math.max(east, lon), Math.max(north, lat)];
    } else coordinates.forEach(walk);
  };
  if ("coordinates" in geometry) walk(geometry.coordinates);
  return [west, south, east, north];
}
