// The answer to an address that may mean several places: whom to call meanwhile, what to ask the caller, and the places
// by the desk that answers for them.
import type { Addressed, Area, Candidate, Group } from "../api";
import { phoneLink } from "./answer_view";
import { data, h } from "../dom";
import { language, named, say } from "../language";

export interface AddressParts {
  readonly found: Addressed;
  /** What the caller answered so far; only places that agree are shown. */
  readonly narrowed: readonly string[];
  readonly narrow: (about: string, option: string) => void;
  readonly widen: () => void;
  readonly pick: (candidate: Candidate) => void;
  readonly again: (text: string) => void;
}

export function addressView(parts: AddressParts): HTMLElement {
  const { found, narrowed } = parts;
  const groups = narrowedGroups(found, narrowed);
  return h("article", { class: "answer" },
    h("h2", { id: "found", tabindex: -1 }, say(`address_${found.status}` as "address_exact")),
    h("div", { class: "next" }, h("p", { class: "label" }, say(found.status === "several_desks" ? "call_meanwhile" : "call_now")),
      h("p", { class: "who" }, data(found.desk.title), " ", h("span", { class: "weak" }, data(found.common_area.name))),
      h("div", { class: "thumb" }, h("a", { class: "call", href: `tel:${found.desk.phone.replace(/[^0-9+]/g, "")}` }, found.desk.phone))),
    questions(parts),
    narrowed.length ? h("p", null, say("narrowed", narrowed.join(" · ")), " ", h("button", { type: "button", class: "link", onclick: parts.widen }, say("widen"))) : null,
    groups.length === 0 && narrowed.length ? h("p", { class: "banner" }, say("none_left")) : null,
    groups.map((group) => groupView(group, parts)),
    found.more_groups ? h("p", { class: "weak" }, say("more_groups", found.more_groups)) : null,
    similar(parts),
    found.status === "not_found" ? h("p", null, say("not_found_help")) : null,
  );
}

function questions({ found, narrow, narrowed }: AddressParts): HTMLElement | null {
  const open = found.ask.filter((each) => !each.options.some((option) => narrowed.includes(option)));
  if (open.length === 0) return null;
  return h("section", { class: "questions" }, h("h3", null, say("ask_caller")), open.map((each) => h("div", null,
    h("p", { class: "question" }, language() === "zh" ? each.zh : each.en),
    h("div", { class: "options" }, each.options.map((option) => h("button", { type: "button", onclick: () => narrow(each.about, option) }, data(option)))))));
}

function groupView(group: Group, { pick }: AddressParts): HTMLElement {
  return h("section", { class: "group" },
    h("h3", null, data(group.desk.title), " ", phoneLink(group.desk.phone)),
    h("ul", null, group.candidates.map((each) => h("li", null,
      h("button", { type: "button", class: "candidate", onclick: () => pick(each) }, data(each.text),
        h("small", null, data(chain(each.areas)), each.cell ? ` · ${named("kind", each.cell.kind)} ${each.cell.code}` : "", ` · ${say("sure", Math.round(each.score * 100))}`))))),
    group.more ? h("p", { class: "weak" }, say("more_places", group.more)) : null);
}

function similar({ found, again }: AddressParts): HTMLElement | null {
  if (found.similar.length === 0) return null;
  return h("p", null, say("similar"), " ", found.similar.map((name) => [h("button", { type: "button", class: "link", onclick: () => again(name) }, data(name)), " "]));
}

function chain(areas: readonly Area[]): string {
  return areas.slice(0, -1).map((area) => area.name).join(" ‹ ");
}

function narrowedGroups(found: Addressed, narrowed: readonly string[]): Group[] {
  const agrees = (each: Candidate): boolean =>
    narrowed.every((option) => each.areas.some((area) => area.name === option) || each.text.includes(option));
  return found.groups.map((group) => ({ ...group, candidates: group.candidates.filter(agrees) })).filter((group) => group.candidates.length > 0);
}
