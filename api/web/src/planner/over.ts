// What the planner's map shows over the grid.
import type { Position } from "./cells";
import type { CellFeature, Offence } from "./api";

export interface Pin {
  readonly label: string;
  readonly place: Position;
  readonly tone: "remark" | "wrong";
  readonly pick: () => void;
}

/** What is drawn over the grid. */
export interface Overlay {
  readonly before: readonly CellFeature[];
  readonly after: readonly CellFeature[];
  readonly chosen: readonly CellFeature[];
  /** Drawn, but not of the draft: a proposal, or what differs between revisions. */
  readonly shown: readonly GeoJSON.Feature[];
  readonly offences: readonly Offence[];
  readonly pins: readonly Pin[];
  readonly vertices: boolean;
}

export const NOTHING_OVER: Overlay = { before: [], after: [], chosen: [], shown: [], offences: [], pins: [], vertices: false };
