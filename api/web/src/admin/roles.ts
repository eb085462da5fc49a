// Who may do what: the service's table as a whole, or what one role may.
import { h } from "../dom";
import type { Right } from "./api";
import type { Around, Leaf } from "./leaf";
import { inWords } from "./rights";
import { tell } from "./words";

const MARKS: Readonly<Record<string, string>> = { EVERYWHERE: "E", TERRITORY: "T", BESIDE: "B", CITY: "C", SHARED: "S", REVIEW: "R" };

export class RolesLeaf implements Leaf {
  readonly needs = null;

  constructor(private readonly around: Around) {}

  open(): void {
    // the table is there before the page is
  }

  draw(): (HTMLElement | null)[] {
    const rights = this.around.rights(), me = this.around.me();
    const chosen = rights.table.roles.find((each) => each.role === this.around.place().role)?.role ?? "";
    return [
      h("p", { class: "lead" }, tell("roles_lead")),
      me ? h("p", { class: "you" }, tell("you_are", me.id, rights.named(rights.role)),
        rights.role === "public" ? null : ` · ${tell("your_territories", me.territories.map((each) => (each === "*" ? tell("everywhere") : each)).join(" "))}`) : null,
      h("div", { class: "bar" }, h("div", { class: "segments", role: "group", "aria-label": tell("which_role") },
        h("button", { type: "button", id: "role-all", "aria-pressed": String(chosen === ""), onclick: () => this.around.go({ role: "" }, true) }, tell("all_roles")),
        rights.table.roles.map((each) => h("button", { type: "button", id: `role-${each.role}`, "aria-pressed": String(each.role === chosen), onclick: () => this.around.go({ role: each.role }, true) },
          rights.named(each.role))))),
      chosen ? this.one(chosen) : this.all(),
    ];
  }

  private one(role: string): HTMLElement {
    const rights = this.around.rights(), gives = rights.table.roles.find((each) => each.role === role)!.gives;
    const may = rights.table.rights.filter((each) => each.bounds[role]), kinds = [...new Set(may.map((each) => each.data.data))];
    return h("section", { class: "one-role", "data-role": role },
      h("h3", null, tell("role_may_title", rights.named(role), may.length, rights.table.rights.length)),
      role === "operator" ? h("p", { class: "weak" }, tell("operator_help")) : null,
      gives.length ? h("p", null, tell("gives_keys", gives.map((each) => rights.named(each)).join(" · "))) : null,
      h("dl", { class: "kinds" }, kinds.map((kind) => {
        const here = may.filter((each) => each.data.data === kind);
        return [h("dt", null, inWords(here[0]!.data)), here.map((each) => h("dd", null, inWords(each), h("span", { class: "weak" }, ` ${rights.bound(each.bounds[role]!)}`)))];
      })));
  }

  private all(): HTMLElement {
    const rights = this.around.rights(), { roles, bounds } = rights.table;
    const mark = (right: Right, role: string): HTMLElement => {
      const bound = right.bounds[role];
      return h("td", { class: role === rights.role ? "mine" : null }, bound ? h("abbr", { title: rights.bound(bound), class: `mark ${bound.toLowerCase()}` }, MARKS[bound] ?? bound) : null);
    };
    let kind = "";
    return h("section", null,
      h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": tell("roles_table") }, h("table", { class: "matrix" }, h("caption", { class: "hidden" }, tell("roles_table")),
        h("thead", null, h("tr", null, h("th", { scope: "col" }, tell("head_action")), roles.map((each) => h("th", { scope: "col", class: each.role === rights.role ? "mine" : null }, rights.named(each.role))))),
        h("tbody", null, rights.table.rights.map((right) => {
          const first = right.data.data !== kind;
          kind = right.data.data;
          return h("tr", { "data-action": right.action, class: first ? "first" : null },
            h("th", { scope: "row" }, inWords(right), h("small", { class: "weak" }, inWords(right.data))), roles.map((each) => mark(right, each.role)));
        })))),
      h("dl", { class: "marks" }, bounds.map((each) => [h("dt", null, h("span", { class: `mark ${each.bound.toLowerCase()}` }, MARKS[each.bound] ?? each.bound)), h("dd", null, inWords(each))])));
  }
}
