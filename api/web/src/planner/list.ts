// The drafts that one may see, a new one, and the way to the grid's history; and what those see who may see none.
import type { Me } from "../api";
import { data, h } from "../dom";
import { moment } from "../format";
import { tell, told } from "./language";
import type { Draft } from "./api";

export interface ListParts {
  readonly me: Me | null;
  readonly drafts: readonly Draft[] | null;
  readonly current: number | null;
  readonly root: URL;
  readonly start: (name: string, reason: string) => void;
  readonly open: (draft: number) => void;
  readonly history: (revision: number) => void;
}

export const MAY_SEE = new Set(["planner", "approver", "publisher"]);

const OVER = new Set(["published", "discarded"]);

export function listView(parts: ListParts): HTMLElement[] {
  const role = parts.me?.role ?? "public";
  return [
    h("h1", { id: "found", tabindex: -1 }, tell("drafts")),
    ...(MAY_SEE.has(role) ? seen(parts, role) : [noWay(parts, role)]),
    history(parts),
  ];
}

function noWay({ root }: ListParts, role: string): HTMLElement {
  const login = `login?${new URLSearchParams({ next: `${root.pathname}planner` })}`;
  return role === "public"
    ? h("div", { class: "empty" }, h("p", null, tell("what_planners_do")), h("p", null, tell("log_in_to_draw")),
      h("p", null, h("a", { class: "button primary", href: login }, tell("log_in"))))
    : h("div", { class: "banner warning" }, h("p", null, h("b", null, tell("no_drafts_for", told("role", role)))), h("p", null, tell("no_drafts_help")),
      h("p", null, h("a", { href: login }, tell("other_key"))));
}

function seen(parts: ListParts, role: string): HTMLElement[] {
  const { drafts } = parts;
  if (drafts === null) return [h("p", { class: "asking", role: "status" }, tell("loading"))];
  const going = drafts.filter((each) => !OVER.has(each.state)), over = drafts.filter((each) => OVER.has(each.state));
  return [
    ...(role === "planner" ? [startView(parts, drafts.length === 0)] : [h("p", { class: "weak" }, tell(`about_${role}` as "about_approver"))]),
    going.length ? rows(parts, going) : h("p", { class: "empty" }, tell(role === "planner" ? "no_drafts_yet" : "nothing_to_review")),
    ...(over.length ? [h("details", null, h("summary", null, tell("over", over.length)), rows(parts, over))] : []),
  ];
}

function rows(parts: ListParts, drafts: readonly Draft[]): HTMLElement {
  return h("ul", { class: "drafts" }, drafts.map((each) => h("li", null,
    h("a", { href: `#draft=${each.draft}`, onclick: (event: Event) => {
      event.preventDefault();
      parts.open(each.draft);
    } }, data(each.name)), " ", pill(each.state),
    h("p", { class: "weak" }, tell("draft_line", each.draft, each.base, each.owner, moment(each.changed_at)),
      each.owner !== parts.me?.id && each.shared_with.includes(parts.me?.id ?? "") ? ` · ${tell("shared_with_you")}` : ""),
    each.reason ? h("p", null, data(each.reason)) : null,
    each.problem ? h("p", { class: "banner warning", lang: "en" }, each.problem) : null)));
}

export function pill(state: string): HTMLElement {
  return h("span", { class: `pill ${state}` }, told("state", state));
}

function startView({ start }: ListParts, open: boolean): HTMLElement {
  const name = h("input", { id: "draft-name", name: "name", required: true, maxlength: 200, autocomplete: "off" });
  const reason = h("input", { id: "draft-reason", name: "reason", maxlength: 1000, autocomplete: "off" });
  return h("details", { class: "start", open }, h("summary", null, tell("new_draft")),
    h("form", { class: "fields", onsubmit: (event: Event) => {
      event.preventDefault();
      start(name.value.trim(), reason.value.trim());
    } },
      h("label", { for: "draft-name" }, tell("draft_name")), name,
      h("label", { for: "draft-reason" }, tell("draft_reason")), reason,
      h("button", { class: "primary" }, tell("start_draft"))));
}

function history({ current, history: go }: ListParts): HTMLElement {
  return h("section", { class: "to-history" }, h("h2", null, tell("history")),
    h("p", { class: "weak" }, current === null ? tell("loading") : tell("history_help", current)),
    current === null ? null : h("button", { type: "button", id: "to-history", onclick: () => go(current) }, tell("open_history")));
}
