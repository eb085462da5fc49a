// The trace: who did what, when, why and from where; for auditors, who leave a trace by reading it.
import { data, h } from "../dom";
import { fullMoment } from "../format";
import type { Audit, AuditEntry } from "./api";
import { Known } from "./known";
import { adminProblem, asking, field, rows, type Around, type Leaf } from "./leaf";
import { tell } from "./words";

export class AuditLeaf implements Leaf {
  readonly needs = "READ_AUDIT";
  private readonly found = new Known<Audit>(() => this.around.redraw());
  private asked: string | null = null;
  /** A person's reference: sought, and never in the address. */
  private ref = "";

  constructor(private readonly around: Around) {}

  open(): void {
    const { by, action, since, until, before } = this.around.place();
    const question = JSON.stringify([by, action, since, until, before, this.ref]);
    if (question === this.asked) return;
    this.asked = question;
    void this.search();
  }

  draw(): (HTMLElement | null)[] {
    const { value, problem } = this.found;
    return [
      h("p", { class: "lead" }, tell("audit_lead")), this.filters(),
      problem ? adminProblem(problem, () => void this.search()) : null,
      value === null ? (problem ? null : asking()) : this.list(value),
    ];
  }

  private search(): Promise<void> {
    const { by, action, since, until, before } = this.around.place();
    return this.found.ask(() => this.around.api.audit({ by, action, since, until, before, ref: this.ref }), false);
  }

  private filters(): HTMLElement {
    const place = this.around.place();
    const since = h("input", { type: "datetime-local", value: place.since }), until = h("input", { type: "datetime-local", value: place.until });
    const by = h("input", { value: place.by, maxlength: 200, autocomplete: "off", spellcheck: "false" }), action = h("input", { value: place.action, maxlength: 200, autocomplete: "off", spellcheck: "false" });
    const ref = h("input", { value: this.ref, maxlength: 200, autocomplete: "off", spellcheck: "false" });
    const form = h("form", { class: "filters", role: "search", onsubmit: (event: Event) => {
      event.preventDefault();
      this.ref = ref.value.trim();
      this.around.go({ since: since.value, until: until.value, by: by.value.trim(), action: action.value.trim(), before: "" }, true);
    } },
      field("audit-since", tell("audit_since"), since), field("audit-until", tell("audit_until"), until), field("audit-by", tell("audit_by"), by, tell("audit_by_help")),
      field("audit-action", tell("audit_action"), action, tell("audit_action_help")), field("audit-ref", tell("audit_ref"), ref, tell("audit_ref_help")),
      h("div", { class: "buttons" }, h("button", { class: "primary", id: "audit-search" }, tell("search")),
        h("button", { type: "button", id: "audit-clear", onclick: () => {
          this.ref = "";
          for (const each of [since, until, by, action, ref]) each.value = each.defaultValue = "";
          this.around.go({ since: "", until: "", by: "", action: "", before: "" }, true);
        } }, tell("clear"))));
    return form;
  }

  private list({ entries, next }: Audit): HTMLElement {
    const { before } = this.around.place();
    return h("section", { "aria-label": tell("entries") },
      entries.length === 0 ? h("p", { class: "empty" }, tell("no_entries"))
        : rows(tell("entries"), [tell("head_when"), tell("head_who"), tell("head_done"), tell("head_details")], entries.map((each) => this.row(each))),
      h("div", { class: "buttons" },
        before ? h("button", { type: "button", id: "newest", onclick: () => this.around.go({ before: "" }, true) }, tell("newest")) : null,
        next ? h("button", { type: "button", id: "older", onclick: () => this.around.go({ before: String(next) }, true) }, tell("older")) : null));
  }

  private row(entry: AuditEntry): HTMLTableRowElement {
    const details: [string, unknown][] = [["read", entry.read], ["changes", entry.changes], ["refs", entry.refs.length ? entry.refs : null], ["origin", entry.origin.length ? entry.origin : null],
      ["territories", entry.territories]];
    return h("tr", { "data-seq": entry.seq, class: entry.refused ? "refused" : null },
      h("th", { scope: "row" }, fullMoment(entry.at), h("small", { class: "weak figure" }, `#${entry.seq}`)),
      h("td", null, h("button", { type: "button", class: "link", "data-by": entry.actor, onclick: () => this.around.go({ by: entry.actor, before: "" }, true) }, entry.actor),
        h("small", { class: "weak" }, this.around.rights().named(entry.role))),
      h("td", null, h("button", { type: "button", class: "link code", "data-action": entry.action, onclick: () => this.around.go({ action: entry.action, before: "" }, true) }, entry.action),
        entry.purpose ? h("small", null, tell("purpose", entry.purpose)) : null, entry.refused ? h("small", { class: "bad", lang: "en" }, tell("refused", entry.refused)) : null),
      h("td", null, h("details", { id: `entry-${entry.seq}` }, h("summary", null, summary(entry)),
        h("dl", { class: "columns" }, details.filter(([, value]) => value !== null).map(([name, value]) =>
          h("div", null, h("dt", null, tell(`entry_${name}` as "entry_read")), h("dd", null, lines(value))))))));
  }
}

function summary({ read, changes }: AuditEntry): string {
  const parts: string[] = [];
  if (read) parts.push(tell("did_read", String(read["what"] ?? "")));
  if (changes) {
    const tables = [...new Set(changes.map((each) => String(each["table"] ?? each["what"] ?? "")).filter((each) => each))];
    parts.push(tables.length ? `${tell("did_change", changes.length)}: ${tables.join(", ")}` : tell("did_change", changes.length));
  }
  return parts.join(" · ") || tell("nothing_more");
}

/** Facts as short lines: a list's one under the other, an object's by name. */
function lines(value: unknown): HTMLElement[] {
  const each = Array.isArray(value) ? value : [value];
  return each.map((one: unknown) => h("span", { class: "fact code" }, data(typeof one === "object" && one !== null
    ? Object.entries(one).map(([name, what]) => `${name} ${typeof what === "object" ? JSON.stringify(what) : String(what)}`).join(" · ") : String(one))));
}
