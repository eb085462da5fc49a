// Who may do what, by the service's own table: names in the page's language, and what is shown to who may not.
import type { Me } from "../api";
import { h } from "../dom";
import { language } from "../language";
import type { Named, Right, Roles } from "./api";
import { tell, told } from "./words";

export class Rights {
  constructor(readonly table: Roles, private readonly me: Me | null) {}

  get role(): string {
    return this.me?.role ?? "public";
  }

  of(action: string): Right | null {
    return this.table.rights.find((each) => each.action === action) ?? null;
  }

  /** Whether whoever looks may at all; the territory is the service's to judge. */
  may(action: string): boolean {
    return this.of(action)?.bounds[this.role] !== undefined && this.missing(action) === null;
  }

  /** The scope that an action needs and the key of whoever looks was not given; null when none is missing. */
  missing(action: string): string | null {
    const scopes = this.me?.scopes ?? [], needed = this.of(action)?.scope ?? "";
    return scopes.length === 0 || scopes.includes(needed) ? null : needed;
  }

  /** The roles whose keys whoever looks may give out. */
  gives(): readonly string[] {
    const given = this.table.roles.find((each) => each.role === this.role)?.gives ?? [];
    return this.table.roles.map((each) => each.role).filter((role) => given.includes(role));
  }

  named(role: string): string {
    const zh = this.table.roles.find((each) => each.role === role)?.zh;
    return language() === "zh" && zh ? zh : role.replaceAll("_", " ");
  }

  bound(bound: string): string {
    return inWords(this.table.bounds.find((each) => each.bound === bound) ?? { en: bound, zh: bound });
  }
}

export function inWords(named: Named): string {
  return language() === "zh" ? named.zh : named.en;
}

/** In place of what one may not see: that it is so, who may, and the way to another log-in. */
export function noWay(rights: Rights, action: string, login: string): HTMLElement {
  const right = rights.of(action);
  const who = Object.entries(right?.bounds ?? {}).filter(([role]) => rights.table.roles.some((each) => each.role === role));
  const isPublic = rights.role === "public", scope = right?.bounds[rights.role] ? rights.missing(action) : null;
  return h("div", { class: "no-way", "data-needs": action },
    h("h3", null, isPublic ? tell("no_way_public") : scope ? tell("no_way_scope", told("scope", scope)) : tell("no_way", rights.named(rights.role))),
    h("p", null, tell("no_way_what", right ? inWords(right) : action)),
    h("p", null, tell("no_way_who")),
    h("ul", null, who.map(([role, bound]) => h("li", { "data-role": role }, h("b", null, rights.named(role)), h("span", { class: "weak" }, ` ${role === "operator" ? tell("on_the_machine") : rights.bound(bound)}`)))),
    h("p", null, h("a", { class: "button primary", href: login }, tell(isPublic ? "log_in" : "other_log_in"))));
}
