// Loads, what became of their rows, and the rows that were not taken.
import { data, h } from "../dom";
import { fullMoment, moment } from "../format";
import { locale } from "../language";
import type { Load, RejectedRow } from "./api";
import { rejectedCsv, saveAs } from "./csv";
import { Known } from "./known";
import { adminProblem, asking, rows, type Around, type Leaf } from "./leaf";
import { tell, told } from "./words";

const DONE = ["inserted", "updated", "moved", "unchanged", "duplicates"] as const;

interface Opened {
  readonly load: Load;
  readonly rejected: readonly RejectedRow[];
  readonly more: boolean;
}

export class LoadsLeaf implements Leaf {
  readonly needs = "READ_LOADS";
  private readonly loads = new Known<{ readonly loads: readonly Load[]; readonly next: number | null }>(() => this.around.redraw());
  private readonly opened = new Known<Opened>(() => this.around.redraw());
  private number = "";
  private saving = false;

  constructor(private readonly around: Around) {}

  open(): void {
    const { load } = this.around.place();
    if (load === "" && this.loads.value === null && !this.loads.asking) void this.list();
    if (load !== this.number) {
      this.number = load;
      this.opened.forget();
      if (load) void this.one();
    }
  }

  draw(): (HTMLElement | null)[] {
    return this.number ? this.oneView() : this.listView();
  }

  private list(): Promise<void> {
    return this.loads.ask(() => this.around.api.loads(null));
  }

  private older(next: number): Promise<void> {
    const before = this.loads.value?.loads ?? [];
    return this.loads.ask(async () => {
      const found = await this.around.api.loads(next);
      return { loads: [...before, ...found.loads], next: found.next };
    });
  }

  private one(): Promise<void> {
    const number = this.number;
    return this.opened.ask(async () => {
      const [load, { rows: rejected, more }] = await Promise.all([this.around.api.load(number), this.around.api.rejected(number, null)]);
      return { load, rejected, more };
    }, false);
  }

  private moreRows({ load, rejected }: Opened): Promise<void> {
    return this.opened.ask(async () => {
      const found = await this.around.api.rejected(String(load.id), rejected.at(-1) ?? null);
      return { load, rejected: [...rejected, ...found.rows], more: found.more };
    });
  }

  private listView(): (HTMLElement | null)[] {
    const { value, problem } = this.loads;
    return [
      h("p", { class: "lead" }, tell("loads_lead")),
      problem ? adminProblem(problem, () => void this.list()) : null,
      value === null ? (problem ? null : asking()) : value.loads.length === 0 ? h("p", { class: "empty" }, tell("no_loads"))
        : rows(tell("loads_list"), [tell("head_load"), tell("head_source"), tell("head_when"), tell("head_rows"), tell("head_placed"), tell("head_outside"), tell("head_rejected")], value.loads.map((each) => this.row(each))),
      value?.next ? h("p", null, h("button", { type: "button", id: "older-loads", onclick: () => void this.older(value.next!) }, tell("older"))) : null,
    ];
  }

  private row(load: Load): HTMLTableRowElement {
    const { counts } = load;
    return h("tr", { "data-load": load.id },
      h("th", { scope: "row" }, h("a", { href: `#tab=loads&load=${load.id}`, id: `load-${load.id}`, onclick: (event: Event) => {
        event.preventDefault();
        this.around.go({ load: String(load.id) }, true);
      } }, `${told("what", load.what)} ${load.id}`)),
      h("td", null, data(load.source), h("small", { class: "weak" }, data(load.file), load.actor ? ` · ${load.actor}` : "")),
      h("td", null, moment(load.started_at)),
      ...[counts.rows, counts.placed, counts.outside].map((each) => h("td", { class: "figure" }, count(each))),
      h("td", { class: "figure" }, counts.rejected ? h("b", { class: "bad" }, count(counts.rejected)) : "0"));
  }

  private oneView(): (HTMLElement | null)[] {
    const { value, problem } = this.opened;
    return [
      h("p", { class: "back" }, h("a", { href: "#tab=loads", id: "to-loads", onclick: (event: Event) => {
        event.preventDefault();
        this.around.go({ load: "" }, true);
      } }, tell("all_loads"))),
      problem ? adminProblem(problem, () => void this.one()) : null,
      value ? this.facts(value.load) : problem ? null : asking(),
      value ? this.rejectedView(value) : null,
    ];
  }

  private facts({ id, what, source, file, actor, started_at, counts }: Load): HTMLElement {
    const fact = (name: string, value: number, bad = false): HTMLElement => h("div", null, h("dt", null, name), h("dd", { class: bad && value ? "figure bad" : "figure" }, count(value)));
    return h("section", { class: "load", "data-load": id },
      h("h3", null, `${told("what", what)} ${id}`), h("p", { class: "weak" }, data(source), " · ", data(file), " · ", fullMoment(started_at), actor ? ` · ${actor}` : ""),
      h("dl", { class: "facts large" }, fact(tell("head_rows"), counts.rows), fact(tell("head_placed"), counts.placed), fact(tell("head_outside"), counts.outside), fact(tell("head_rejected"), counts.rejected, true)),
      h("dl", { class: "facts" }, DONE.map((each) => fact(tell(`done_${each}`), counts[each]))));
  }

  private rejectedView(opened: Opened): HTMLElement {
    const { load, rejected, more } = opened;
    if (rejected.length === 0) {
      return h("p", { class: "empty" }, load.counts.rejected ? tell("rejected_gone") : tell("none_rejected"));
    }
    const reasons = new Map<string, number>();
    for (const { reason } of rejected) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    return h("section", { "aria-labelledby": "rejected-title" },
      h("div", { class: "bar" }, h("h3", { id: "rejected-title" }, tell("rejected_rows")),
        h("button", { type: "button", id: "save-csv", disabled: this.saving, onclick: () => void this.save() }, tell(this.saving ? "saving" : "save_csv"))),
      h("p", { class: "weak" }, tell("rejected_help")),
      h("ul", { class: "reasons" }, [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 8).map(([reason, many]) => h("li", null, h("b", { class: "figure" }, count(many)), " ", h("span", { lang: "en" }, reason)))),
      rows(tell("rejected_rows"), [tell("head_line"), tell("head_reason"), tell("head_columns")], rejected.map((each) => h("tr", { "data-line": each.line },
        h("th", { scope: "row" }, h("span", { class: "figure" }, count(each.line)), h("small", { class: "weak" }, data(each.file))),
        h("td", { lang: "en" }, each.reason),
        h("td", null, h("dl", { class: "columns" }, Object.entries(each.columns).filter(([, value]) => value !== "").map(([name, value]) => h("div", null, h("dt", null, data(name)), h("dd", null, data(value))))))))),
      more ? h("p", null, h("button", { type: "button", id: "more-rows", onclick: () => void this.moreRows(opened) }, tell("more_rows"))) : h("p", { class: "weak" }, tell("all_rows_shown", rejected.length)));
  }

  private async save(): Promise<void> {
    this.saving = true;
    this.around.redraw();
    try {
      saveAs(`rejected-${this.number}.csv`, rejectedCsv(await this.around.api.allRejected(this.number)));
    } catch (error) {
      this.opened.problem = error;
    }
    this.saving = false;
    this.around.redraw();
  }
}

function count(value: number): string {
  return value.toLocaleString(locale());
}
