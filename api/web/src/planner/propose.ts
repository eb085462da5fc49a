// Proposals for dividing a community anew: asked for, tried on the map, compared, and taken.
import { h } from "../dom";
import { boxOf } from "./cells";
import type { Around } from "./desk";
import { number, percent } from "./figures";
import { tell, told } from "./language";
import { plannerProblem } from "./problem";
import type { Figures, Proposal, Proposals } from "./api";

export interface ProposeActs {
  readonly show: () => void;
  readonly redraw: () => void;
  readonly take: (edits: readonly object[]) => void;
  readonly community: () => string;
  readonly mayDraw: () => boolean;
}

const ROWS: readonly (readonly [keyof Figures, (value: number) => string])[] = [
  ["cells", number], ["share_in_band", (value) => percent(value, 0)], ["spread", (value) => number(value, 3)],
  ["street_share", (value) => percent(value, 0)], ["compactness", (value) => number(value, 2)], ["stays", (value) => percent(value, 0)],
];

export class ProposalDesk {
  private found: Proposals | null = null;
  private tried = 0;
  private asking = false;
  private problem: unknown = null;
  private area = "";
  private parts = "";

  constructor(private readonly draft: number, private readonly around: Around, private readonly acts: ProposeActs) {}

  /** The draft was drawn on: what was proposed for it before holds no longer. */
  forget(): void {
    this.found = null;
    this.tried = 0;
  }

  /** The cells of the proposal that is tried. */
  shown(): readonly GeoJSON.Feature[] {
    return this.found?.proposals.find((each) => each.number === this.tried)?.cells.features ?? [];
  }

  view(): HTMLElement {
    return h("div", { class: "propose", "aria-busy": this.asking ? "true" : null },
      h("p", { class: "weak" }, tell("propose_help")), this.acts.mayDraw() ? this.form() : h("p", { class: "empty" }, tell("propose_not")),
      this.problem ? plannerProblem(this.problem) : null,
      this.asking ? h("p", { class: "asking", role: "status" }, tell("proposing")) : null,
      this.found ? this.table(this.found) : null);
  }

  private form(): HTMLElement {
    const area = h("input", { id: "propose-area", required: true, maxlength: 64, value: this.acts.community() || this.area, autocomplete: "off", spellcheck: "false" });
    const parts = h("input", { id: "propose-parts", type: "number", min: 1, max: 100, value: this.parts });
    return h("form", { class: "fields", onsubmit: (event: Event) => {
      event.preventDefault();
      [this.area, this.parts] = [area.value.trim(), parts.value];
      void this.ask();
    } }, h("label", { for: "propose-area" }, tell("propose_area")), area, h("label", { for: "propose-parts" }, tell("propose_parts")), parts,
      h("button", { id: "propose-now", class: "primary", disabled: this.asking }, tell("propose_now")));
  }

  private async ask(): Promise<void> {
    [this.asking, this.problem] = [true, null];
    this.forget();
    this.acts.redraw();
    try {
      this.found = await this.around.api.act<Proposals>(this.draft, "proposals", { area: this.area, ...(this.parts ? { parts: Number(this.parts) } : {}) });
      const first = this.found.proposals[0];
      if (first) {
        this.around.map()?.fit(boxOf(first.cells.features.map((each) => each.geometry)));
        this.tried = first.number;
      }
    } catch (error) {
      this.problem = error;
    }
    this.asking = false;
    this.acts.redraw();
    this.acts.show();
  }

  private table({ now, proposals, notes }: Proposals): HTMLElement {
    const value = (figures: Figures, name: keyof Figures, form: (value: number) => string): string => {
      const found = figures[name];
      return found === null ? "–" : form(found);
    };
    return h("section", null,
      proposals.length === 0 ? h("p", { class: "empty" }, tell("no_proposal")) : null,
      h("div", { class: "wide" }, h("table", { class: "proposals" },
        h("thead", null, h("tr", null, h("th", { scope: "col" }, tell("figure")), h("th", { scope: "col" }, tell("as_now")), proposals.map((each) => h("th", { scope: "col", "aria-label": tell("proposal", each.number) }, each.number)))),
        h("tbody", null, ROWS.map(([name, form]) => h("tr", null, h("th", { scope: "row" }, told("proposed", name)), h("td", { class: "figure" }, value(now, name, form)), proposals.map((each) => h("td", { class: "figure" }, value(each.figures, name, form)))))))),
      h("ul", { class: "tries" }, proposals.map((each) => this.proposal(each))),
      notes.length ? h("ul", { class: "notes", lang: "en" }, notes.map((each) => h("li", null, each))) : null);
  }

  private proposal(each: Proposal): HTMLElement {
    const on = this.tried === each.number;
    return h("li", { "aria-current": on ? "true" : null }, h("b", null, tell("proposal", each.number)), " ", h("span", { class: "weak", lang: "en" }, each.why),
      h("div", { class: "buttons" },
        h("button", { type: "button", id: `try-${each.number}`, "aria-pressed": on ? "true" : "false", onclick: () => {
          this.tried = on ? 0 : each.number;
          this.acts.redraw();
          this.acts.show();
        } }, tell(on ? "hide_it" : "try_it")),
        this.acts.mayDraw() ? h("button", { type: "button", id: `take-${each.number}`, class: on ? "primary" : null, onclick: () => this.acts.take(each.edits) }, tell("take_it")) : null));
  }
}
