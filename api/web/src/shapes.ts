// Of the service's answers what the cockpit and the wall use; held against the description of the API like those of api.ts.
import type { Area, Degraded, Rung, Turn } from "./api";

export interface AreaRow {
  readonly code: string;
  readonly level: string;
  readonly name: string;
  readonly cells: number;
  readonly kinds: Readonly<Record<string, number>>;
}

export interface Areas {
  readonly revision: number;
  readonly areas: readonly AreaRow[];
}

export interface AreaDetail extends AreaRow {
  readonly revision: number;
  readonly status: string;
  readonly areas: readonly Area[];
}

export interface CellRow {
  readonly code: string;
  readonly name: string;
  readonly kind: string;
  readonly services: readonly string[];
}

export interface Cells {
  readonly revision: number;
  readonly cells: readonly CellRow[];
  readonly next: string | null;
}

export interface CellDetail extends CellRow {
  readonly revision: number;
  readonly status: string;
  readonly areas: readonly Area[];
}

export interface HeatmapRow {
  readonly hex?: string | null;
  readonly code?: string | null;
  readonly count: number;
}

export interface Heatmap {
  readonly revision: number;
  readonly data_version: string;
  readonly total: number | null;
  readonly outside: number | null;
  readonly suppressed: number;
  readonly released?: readonly string[] | null;
  readonly rows: readonly HeatmapRow[];
}

export interface ProfileRow {
  readonly key: string;
  readonly count: number;
  readonly weekday?: number | null;
  readonly hour?: number | null;
}

export interface Profile {
  readonly revision: number;
  readonly data_version: string;
  readonly as_of: string;
  readonly total: number;
  readonly rows: readonly ProfileRow[];
}

export interface Staffed {
  readonly code: string;
  readonly name: string;
  readonly level: string;
  readonly cells: number;
  readonly cells_without_post: number;
  readonly posts: number;
  readonly gaps: number;
}

export interface Gap {
  readonly post: string;
  readonly title: string;
  readonly territory: string;
}

export interface Staffing extends Staffed {
  readonly revision: number;
  readonly as_of: string;
  readonly degraded: Degraded | null;
  readonly rows: readonly Staffed[];
  readonly unfilled: readonly Gap[];
}

export interface RosterPost {
  readonly code: string;
  readonly kind: string;
  readonly title: string;
  readonly phone: string;
  readonly on_duty: readonly Turn[];
}

export interface RosterReleased {
  readonly period: string;
  readonly revision: number;
  readonly counts: Readonly<Record<string, number | null>>;
}

export interface Roster {
  readonly revision: number;
  readonly as_of: string;
  readonly posts: readonly RosterPost[];
  readonly ladder: readonly Rung[];
  readonly elements: Readonly<Record<string, number>> | null;
  readonly open_incidents: number | null;
  readonly released: RosterReleased | null;
  readonly counts: "staff" | "released" | "not released";
}

export interface Principle {
  readonly key: string;
  readonly passes: boolean | null;
  readonly not_measured: string | null;
  readonly figures: Readonly<Record<string, number | string | null>>;
  readonly staff_only: readonly string[];
  readonly offenders: number | null;
}

export interface Principles {
  readonly revision: number;
  readonly measured_at: string;
  readonly principles: readonly Principle[];
}

export interface ReleaseTable {
  readonly of: string;
  readonly category: string | null;
  readonly inside: number | null;
  readonly outside: number | null;
}

export interface ReleaseListed {
  readonly period: string;
  readonly revision: number;
  readonly made_at: string;
  readonly tables: readonly ReleaseTable[];
}

export interface Releases {
  readonly releases: readonly ReleaseListed[];
}

export interface ReleasedRow {
  readonly code?: string | null;
  readonly count: number | null;
}

export interface Released {
  readonly period: string;
  readonly revision: number;
  readonly least: number;
  readonly total: number | null;
  readonly inside: number | null;
  readonly outside: number | null;
  readonly suppressed: number;
  readonly rows: readonly ReleasedRow[];
}
