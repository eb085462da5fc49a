// What the planner's desk asks the service, and of its answers what it uses; a test holds these types against the
// description of the API (GET /openapi.json).
import type { Api, Me } from "../api";

export type Shape = GeoJSON.Polygon | GeoJSON.MultiPolygon;
export type CellFeature = GeoJSON.Feature<Shape, CellWords>;
export type Figure = number | string | null;

export interface CellWords {
  readonly code: string;
  readonly name: string;
  readonly kind: string;
  readonly services: readonly string[];
  readonly community: string;
  readonly change?: string;
}

export interface Cells {
  readonly revision: number;
  readonly features: readonly CellFeature[];
  readonly next: string | null;
}

export interface Draft {
  readonly draft: number;
  readonly name: string;
  readonly reason: string;
  readonly base: number;
  readonly owner: string;
  readonly shared_with: readonly string[];
  readonly state: string;
  readonly version: number;
  readonly changed_at: string;
  readonly publish_at: string | null;
  readonly revision: number | null;
  readonly problem: string | null;
}

export interface Drafts {
  readonly drafts: readonly Draft[];
}

export interface RecordedEdit {
  readonly seq: number;
  readonly edit: Readonly<Record<string, unknown>>;
  readonly actor: string;
  readonly made_at: string;
  readonly undone: boolean;
}

export interface Comment {
  readonly id: number;
  readonly text: string;
  readonly point: readonly number[] | null;
  readonly cell: string | null;
  readonly actor: string;
  readonly made_at: string;
  readonly resolved_by: string | null;
}

export interface Approval {
  readonly level: string;
  readonly area: string;
  readonly actor: string;
  readonly made_at: string;
  readonly counts: boolean;
}

export interface Waiver {
  readonly check: string;
  readonly name: string;
  readonly reason: string;
  readonly counts: boolean;
}

export interface WholeDraft extends Draft {
  readonly edits: readonly RecordedEdit[];
  readonly comments: readonly Comment[];
  readonly approvals: readonly Approval[];
  readonly missing_approvals: readonly string[];
}

export interface AreaWords {
  readonly code: string;
  readonly level: string;
  readonly name: string;
}

export interface Change {
  readonly base: number;
  readonly version: number;
  readonly areas_ended: readonly string[];
  readonly areas_drawn: readonly AreaWords[];
  readonly before: Cells;
  readonly after: Cells;
}

export interface Edited {
  readonly version: number;
  readonly ended: readonly string[];
  readonly minted: readonly string[];
  readonly notes: readonly string[];
  readonly cells: Cells;
}

export interface Flow {
  readonly before: string;
  readonly after: string;
  readonly count: number | null;
}

export interface Load {
  readonly cell: string;
  readonly before: number | null;
  readonly after: number | null;
}

export interface MovedPost {
  readonly code: string;
  readonly title: string;
  readonly cell: string;
  readonly shifts: number;
  readonly successor: string;
}

export interface Offence {
  readonly type?: "Feature";
  readonly id: number | string;
  readonly geometry: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface Finding {
  readonly key: string;
  readonly title: string;
  readonly blocks: boolean;
  readonly passes_before: boolean | null;
  readonly passes_after: boolean | null;
  readonly not_measured: string | null;
  readonly before: Readonly<Record<string, Figure>>;
  readonly after: Readonly<Record<string, Figure>>;
  readonly offenders: readonly Offence[];
}

export interface Impact {
  readonly version: number;
  readonly base: number;
  readonly ended: readonly string[];
  readonly new: readonly string[];
  readonly changed: readonly string[];
  readonly touched: readonly string[];
  readonly moved: Readonly<Record<string, number | null>>;
  readonly flows: Readonly<Record<string, readonly Flow[]>>;
  readonly hidden: number;
  readonly formula: string;
  readonly workload: readonly Load[];
  readonly posts: readonly MovedPost[];
  readonly buildings: { readonly cut: number | null; readonly near: number | null; readonly near_m: number };
  readonly downstream: { readonly overlays: readonly string[]; readonly released_periods: readonly string[] };
  readonly principles: readonly Finding[];
}

export interface Offender {
  readonly code: string;
  readonly what: string;
  readonly point: readonly number[] | null;
}

export interface Check {
  readonly check: string;
  readonly waivable: boolean;
  readonly result: string;
  readonly figures: Readonly<Record<string, unknown>>;
  readonly offenders: readonly Offender[];
  readonly waiver: Waiver | null;
}

export interface Certificate {
  readonly version: number;
  readonly base: number;
  readonly over: number;
  readonly passed: boolean;
  readonly checks: readonly Check[];
  readonly missing_approvals: readonly string[];
  readonly replayed_over: readonly number[];
  readonly recoded: Readonly<Record<string, string>>;
}

export interface Done {
  readonly draft: number;
  readonly revision: number | null;
  readonly publish_at: string | null;
  readonly recoded: Readonly<Record<string, string>>;
  readonly unstaffed: readonly string[];
}

export interface Figures {
  readonly cells: number;
  readonly share_in_band: number | null;
  readonly spread: number | null;
  readonly street_share: number | null;
  readonly compactness: number;
  readonly stays: number;
}

export interface Proposal {
  readonly number: number;
  readonly why: string;
  readonly figures: Figures;
  readonly cells: Cells;
  readonly edits: readonly Readonly<Record<string, unknown>>[];
}

export interface Proposals {
  readonly version: number;
  readonly area: string;
  readonly now: Figures;
  readonly proposals: readonly Proposal[];
  readonly notes: readonly string[];
}

export interface Beside {
  readonly figure: string;
  readonly first: Figure;
  readonly second: Figure;
  readonly difference: number | null;
}

export interface Compared {
  readonly drafts: readonly number[];
  readonly bases: readonly number[];
  readonly figures: readonly Beside[];
}

export interface Revision {
  readonly revision: number;
  readonly valid_from: string;
  readonly published_at: string;
  readonly note: string;
  readonly actor?: string | null;
  readonly cells: number;
  readonly kinds: Readonly<Record<string, number>>;
}

export interface Revisions {
  readonly revisions: readonly Revision[];
}

export interface Part {
  readonly from: string;
  readonly from_name: string;
  readonly to: string;
  readonly to_name: string;
  readonly changes: string;
  readonly area_share: number;
  readonly area_m2: number;
  readonly element_share: number | null;
}

export interface Difference {
  readonly cells: readonly Part[];
  readonly areas: readonly { readonly level: string; readonly code: string; readonly change: string }[];
  readonly next: string | null;
}

export interface Noticed {
  readonly name: string;
  readonly reason: string;
  readonly state: string;
  readonly base: number;
  readonly publish_at: string | null;
  readonly revision: number | null;
  readonly cells_before: number;
  readonly cells_after: number;
  readonly before: Cells;
  readonly after: Cells;
  readonly principles: readonly Finding[];
}

type Query = Readonly<Record<string, string | number | null>>;

/** The questions and orders of the planner's desk. Measuring may take long, so that nothing here is given up early. */
export class PlannerApi {
  constructor(private readonly api: Api, private readonly me: () => Me | null) {}

  drafts(): Promise<Drafts> {
    return this.ask("v1/drafts");
  }

  draft(number: number): Promise<WholeDraft> {
    return this.ask(`v1/drafts/${number}`);
  }

  change(number: number): Promise<Change> {
    return this.ask(`v1/drafts/${number}/change`);
  }

  impact(number: number, stop: AbortSignal): Promise<Impact> {
    return this.ask(`v1/drafts/${number}/impact`, {}, stop);
  }

  certificate(number: number, stop: AbortSignal): Promise<Certificate> {
    return this.ask(`v1/drafts/${number}/certificate`, {}, stop);
  }

  compare(one: number, other: number): Promise<Compared> {
    return this.ask(`v1/drafts/${one}/compare`, { with: other });
  }

  notice(token: string): Promise<Noticed> {
    return this.ask(`v1/drafts/notice/${encodeURIComponent(token)}`);
  }

  revisions(): Promise<Revisions> {
    return this.ask("v1/revisions");
  }

  difference(from: number, to: number, stop: AbortSignal): Promise<Difference> {
    return this.ask(`v1/revisions/${from}/diff/${to}`, {}, stop);
  }

  differenceShapes(from: number, to: number, stop: AbortSignal): Promise<GeoJSON.FeatureCollection> {
    return this.ask(`v1/revisions/${from}/diff/${to}`, { f: "geojson" }, stop);
  }

  cells(revision: number, bbox: string, stop: AbortSignal): Promise<Cells> {
    return this.ask("v1/cells", { f: "geojson", revision, bbox, limit: 500 }, stop);
  }

  cell(revision: number, code: string): Promise<Cells> {
    return this.ask(`v1/cells/${encodeURIComponent(code)}`, { f: "geojson", revision });
  }

  start(name: string, reason: string): Promise<{ draft: number; base: number }> {
    return this.send("v1/drafts", { name, reason });
  }

  patch(number: number, body: object): Promise<Draft> {
    return this.send(`v1/drafts/${number}`, body, "PATCH");
  }

  discard(number: number): Promise<Draft> {
    return this.send(`v1/drafts/${number}`, {}, "DELETE");
  }

  edit(number: number, edit: object, version: number): Promise<Edited> {
    return this.send(`v1/drafts/${number}/edits?expects=${version}`, edit);
  }

  step(number: number, step: "undo" | "redo", version: number): Promise<Edited> {
    return this.send(`v1/drafts/${number}/${step}?expects=${version}`, {});
  }

  /** Any other step of a draft: submit, return, approve, comments, waivers, recall … */
  act<T>(number: number, step: string, body: object | null = null, method = "POST"): Promise<T> {
    return this.send(`v1/drafts/${number}/${step}`, body, method);
  }

  restore(revision: number, note: string): Promise<{ revision: number }> {
    return this.send(`v1/revisions/${revision}/restore`, { note });
  }

  /** Where a paper of a draft or a revision lies. */
  paper(what: "drafts" | "revisions", number: number, form: string, lang: string): string {
    return new URL(`v1/${what}/${number}/dossier.${form}?lang=${lang}`, this.api.root).href;
  }

  private ask<T>(path: string, query: Query = {}, stop: AbortSignal | null = null): Promise<T> {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== null) given.set(name, String(value));
    return this.api.asking.ask<T>(`${path}${given.size ? `?${given}` : ""}`, stop);
  }

  private send<T>(path: string, body: object | null, method = "POST"): Promise<T> {
    return this.api.send<T>(path, body, this.me(), method);
  }
}
