// What the pages ask the service, and of its answers what they use; a test holds these types against the description
// of the API (GET /openapi.json).
import { Refused, Service } from "./service";

export type * from "./shapes";

export interface City {
  readonly code: string;
  readonly name: string;
  readonly name_en: string;
  readonly levels: readonly string[];
  readonly timezone: string;
  readonly metric_crs: string;
  readonly emergency: readonly string[];
  readonly attribution: string;
  readonly notice: Readonly<Record<string, string>>;
  readonly bounds: readonly number[];
}

export interface Category {
  readonly code: string;
  readonly label: string;
  readonly label_en: string;
  readonly emergency: boolean;
}

export interface Categories {
  readonly categories: readonly Category[];
}

export interface Area {
  readonly level: string;
  readonly code: string;
  readonly name: string;
}

export interface Cell {
  readonly code: string;
  readonly name: string;
  readonly kind: string;
  readonly services: readonly string[];
}

export interface Near {
  readonly code: string;
  readonly distance_m: number;
}

export interface Point {
  readonly lon: number;
  readonly lat: number;
  readonly crs: string;
  readonly given: readonly number[];
}

export interface Turn {
  readonly post: string;
  readonly kind: string;
  readonly title: string;
  readonly holder: string;
  readonly phone: string;
  readonly from: string;
  readonly until: string;
  readonly backup: Readonly<Record<string, string>> | null;
  readonly stands_in_for: string | null;
  readonly stale: boolean;
}

export interface Rung {
  readonly level: string;
  readonly kind: string;
  readonly title: string;
  readonly phone: string;
  readonly holder: string | null;
  readonly post: string | null;
  readonly assumed: boolean;
}

export interface Department {
  readonly department: string;
  readonly title: string;
  readonly phone: string;
  readonly categories: readonly string[];
  readonly holder: string | null;
}

export interface OverlayPost {
  readonly title: string;
  readonly phone: string;
  readonly holder: string | null;
}

export interface Overlay {
  readonly code: string;
  readonly name: string;
  readonly posts: readonly OverlayPost[];
}

export interface Degraded {
  readonly since: string;
  readonly data_as_of: string;
}

export interface Upcoming {
  readonly revision: number;
  readonly from: string;
  readonly cell: string;
}

export interface Coverage {
  readonly id: string;
  readonly revision: number;
  readonly as_of: string;
  readonly degraded: Degraded | null;
  readonly point: Point;
  readonly cell: Cell | null;
  readonly areas: readonly Area[];
  readonly overlays: readonly Overlay[];
  readonly edge_distance_m: number | null;
  readonly ambiguous: boolean;
  readonly candidates: readonly Near[];
  readonly nearest: Near | null;
  readonly on_duty: readonly Turn[];
  readonly ladder: readonly Rung[];
  readonly departments: readonly Department[];
  readonly emergency: readonly string[];
  readonly upcoming?: Upcoming | null;
}

export interface Candidate {
  readonly text: string;
  readonly score: number;
  readonly point: Point;
  readonly accuracy_m: number;
  readonly cell: Cell | null;
  readonly areas: readonly Area[];
  readonly call_first: Rung;
}

export interface Group {
  readonly desk: Rung;
  readonly candidates: readonly Candidate[];
  readonly more: number;
}

export interface Ask {
  readonly about: string;
  readonly zh: string;
  readonly en: string;
  readonly options: readonly string[];
}

export interface Addressed {
  readonly revision: number;
  readonly degraded: Degraded | null;
  readonly address: string;
  readonly status: string;
  readonly desk: Rung;
  readonly common_area: Area;
  readonly groups: readonly Group[];
  readonly more_groups: number;
  readonly ask: readonly Ask[];
  readonly similar: readonly string[];
  readonly emergency: readonly string[];
  readonly coverage: Coverage | null;
}

/** A cell or an area of the registry with its shape. */
export interface Shaped {
  readonly revision: number;
  readonly features: readonly GeoJSON.Feature<GeoJSON.MultiPolygon | GeoJSON.Polygon, RegistryCell>[];
}

export interface RegistryCell {
  readonly code: string;
  readonly name: string;
  readonly status?: string;
  readonly ended_at?: string | null;
  readonly successors?: readonly { readonly code: string; readonly area_share: number }[];
}

export interface CurrentRevision {
  readonly revision: number;
  readonly published_at: string;
  readonly cells: number;
}

export interface Me {
  readonly id: string;
  readonly role: string;
  readonly territories: readonly string[];
  readonly scopes: readonly string[];
  readonly csrf_token: string | null;
}

export interface SavedRow {
  readonly status: string;
  readonly cell: string | null;
  readonly reason: string | null;
}

export interface Saved {
  readonly rows: readonly SavedRow[];
}

export interface NewIncident {
  readonly id: string;
  readonly lon: number;
  readonly lat: number;
  readonly accuracy_m: number;
  readonly category: string;
  readonly happened_at: string;
  readonly reporter: string | null;
}

// Who waits with a caller on the line does not wait longer for a server that may be gone.
const LONGEST_WAIT_MS = 8_000;
// What CSRF protection asks of a page with a session, by the service's own name for it.
const CSRF_HEADER = "X-CSRF-Token";

/** The questions of the pages, each by its name. */
export class Api {
  private readonly service: Service;

  /** With a publishable key: what a wall or a frame comes with; else who is logged in, or the public. */
  constructor(key = "") {
    this.service = new Service(key);
  }

  get root(): URL {
    return this.service.root;
  }

  /** For what follows revisions or draws maps by itself. */
  get asking(): Service {
    return this.service;
  }

  async get<T>(path: string, query: Readonly<Record<string, string | number | null>> = {}, stop: AbortSignal | null = null): Promise<T> {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== null && value !== "") given.set(name, String(value));
    const late = AbortSignal.timeout(LONGEST_WAIT_MS);
    try {
      return await this.service.ask<T>(`${path}${given.size ? `?${given}` : ""}`, stop ? AbortSignal.any([stop, late]) : late);
    } catch (error) {
      if (late.aborted && !stop?.aborted) throw new Refused(0, path);
      throw error;
    }
  }

  /** Rows of incidents, with a key or with the session of whoever is logged in. */
  report(incident: NewIncident, key: string, me: Me | null): Promise<Saved> {
    const { reporter, ...rest } = incident;
    const row = reporter ? { ...rest, reporter } : rest;
    const body = { crs: "wgs84", source: "dispatcher", incidents: [row] };
    if (key) return this.service.send<Saved>("v1/incidents", body, { Authorization: `Bearer ${key}` });
    return this.send<Saved>("v1/incidents", body, me);
  }

  /** A change by whoever is logged in. */
  send<T>(path: string, body: unknown, me: Me | null, method = "POST"): Promise<T> {
    const headers: Record<string, string> = me?.csrf_token ? { [CSRF_HEADER]: me.csrf_token } : {};
    return this.service.send<T>(path, body, headers, method);
  }
}
