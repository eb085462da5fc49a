// The tool in hand: which cells are chosen for it, what is drawn with it, and the edit that comes of it.
import { h } from "../dom";
import { sharedLine, type DraftCells, type Position } from "./cells";
import type { Pen } from "./draw";
import { tell } from "./language";
import type { PlannerMap } from "./map";
import { hintView, type Tool } from "./tools";
import type { CellFeature } from "./api";

export interface HandParts {
  readonly cells: DraftCells;
  readonly map: () => PlannerMap | null;
  readonly edit: (edit: object) => void;
  /** Another tool, other cells, or a piece that waits for its name. */
  readonly changed: () => void;
}

export class Hand {
  tool: Tool = "choose";
  chosen: readonly string[] = [];
  /** A piece that was drawn and waits for its name. */
  piece: readonly Position[] | null = null;
  private edge: readonly Position[] = [];
  private along = false;

  constructor(private readonly parts: HandParts) {}

  get cells(): CellFeature[] {
    return this.chosen.map((code) => this.parts.cells.get(code)).filter((each) => each !== null);
  }

  /** Whether what is clicked is drawn, not chosen. */
  get isDrawing(): boolean {
    return this.tool === "split" || this.tool === "cut" || (this.tool === "transfer" && this.chosen.length === 1);
  }

  get showsVertices(): boolean {
    return this.tool !== "choose" && this.tool !== "merge";
  }

  take(tool: Tool): void {
    this.tool = tool;
    this.piece = null;
    if (tool === "transfer" || tool === "split") this.chosen = this.chosen.slice(0, 1);
    if (tool === "edge") this.chosen = this.chosen.slice(-2);
    if (tool === "cut") this.chosen = [];
    this.pen();
    this.parts.changed();
    if (tool !== "choose") this.parts.map()?.map?.getCanvas().focus();
  }

  choose(codes: readonly string[]): void {
    this.chosen = this.tool === "edge" ? codes.slice(-2) : codes;
    this.pen();
    this.parts.changed();
  }

  /** A click on a cell: alone, or with those chosen before. */
  pick(code: string, more: boolean): void {
    const several = more || this.tool === "merge" || this.tool === "edge";
    const without = this.chosen.filter((each) => each !== code);
    this.choose(!several ? [code] : without.length < this.chosen.length ? without : [...this.chosen, code]);
  }

  /** Gives the map the pen of the tool in hand. */
  pen(): void {
    const drawing = this.parts.map()?.drawing;
    this.edge = [];
    if (!drawing) return;
    const [one, other] = this.cells;
    if (this.tool === "edge" && one && other && this.chosen.length === 2) this.edge = sharedLine(one.geometry, other.geometry);
    const pen: Pen | null = this.tool === "split" ? "line" : this.isDrawing ? "piece" : this.edge.length > 1 ? "edge" : null;
    drawing.take(pen, this.edge);
  }

  finished(pen: Pen, line: readonly Position[]): void {
    const { cells, edit } = this.parts;
    if (pen === "edge") {
      this.edge = line;
    } else if (this.tool === "split") {
      const cell = this.cells[0] ?? cells.crossed(line);
      const ends = [line[0], line.at(-1)];
      if (cell) edit({ crs: "wgs84", cell: cell.properties.code, ...(this.along ? { op: "split_along", points: ends } : { op: "split", line }) });
    } else if (this.tool === "transfer") {
      const to = this.chosen[0]!, from = cells.beneath(line, to);
      if (from) edit({ op: "transfer", crs: "wgs84", from: from.properties.code, to, piece: ring(line), ...this.across([from.properties.code, to]) });
    } else {
      this.piece = line;
      this.parts.changed();
      document.getElementById("piece-name")?.focus();
    }
  }

  /** What the tool needs said, and its last step where it has one. */
  hint(busy: boolean): HTMLElement[] {
    const { edit } = this.parts;
    return hintView({
      tool: this.tool, chosen: this.cells, busy, edge: this.edge.length > 1, stop: () => this.take("choose"),
      along: this.along, setAlong: (along) => (this.along = along),
      merge: () => edit({ op: "merge", cells: this.chosen }),
      move: () => edit({ op: "move_boundary", crs: "wgs84", cells: this.chosen, line: this.edge, ...this.across(this.chosen) }),
    });
  }

  pieceForm(): HTMLElement | null {
    const { piece } = this;
    if (!piece) return null;
    const name = h("input", { id: "piece-name", required: true, maxlength: 200, autocomplete: "off" });
    return h("form", { class: "fields card", onsubmit: (event: Event) => {
      event.preventDefault();
      this.parts.edit({ op: "cut_new", crs: "wgs84", piece: ring(piece), name: name.value.trim() });
    } }, h("label", { for: "piece-name" }, tell("name_new_cell")), name, h("button", { class: "primary", id: "cut-now" }, tell("cut_now")));
  }

  /** An edit that moves the outline of a community says so: nothing does that unasked. */
  private across(codes: readonly string[]): object {
    const communities = new Set(codes.map((code) => this.parts.cells.get(code)?.properties.community));
    return communities.size > 1 && confirm(tell("across", [...communities].join(" · "))) ? { across: true } : {};
  }
}

function ring(line: readonly Position[]): GeoJSON.Polygon {
  return { type: "Polygon", coordinates: [line.map((each) => [...each])] };
}
