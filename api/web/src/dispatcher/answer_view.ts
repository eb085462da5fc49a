// The answer to "who covers this place", in the order in which a dispatcher needs it: where, whom to call now, who comes
// after, and what else there is to know.
import type { Coverage, Department, Overlay, Rung, Turn } from "../api";
import { data, h } from "../dom";
import { clock, distance, fullMoment, moment, place, telephone } from "../format";
import { language, named, say } from "../language";

export interface AnswerParts {
  readonly answer: Coverage;
  /** Since when it is kept; empty: the server said it just now. */
  readonly keptAt: string;
  /** The answers across edges that are near. */
  readonly across: readonly Coverage[];
  readonly category: string;
  /** What was read out of the box, such as "as latitude, longitude". */
  readonly notes: readonly string[];
  /** Telephone numbers that were called in vain. */
  readonly tried: Set<string>;
  /** Of a time that is not now: whom one would have called then. */
  readonly then: boolean;
  readonly open: (code: string) => void;
}

export function answerView(parts: AnswerParts): HTMLElement {
  const { answer, keptAt, across, notes } = parts;
  return h("article", { class: "answer" },
    keptAt ? h("p", { class: "banner warning" }, say("kept_answer", moment(keptAt), answer.revision)) : null,
    notes.map((note) => h("p", { class: "note" }, note)),
    where(answer, parts.open),
    callView(parts),
    across.length > 0 ? h("section", { class: "across" }, h("h3", null, say("both_desks")), across.map((each) => acrossView(answer, each, parts.open))) : null,
    answer.ambiguous && across.length === 0 ? ambiguous(answer, parts.open) : null,
    upcoming(answer),
    departmentsView(answer.departments, parts.category),
    answer.overlays.map(overlayView),
    footnote(answer),
  );
}

function where(answer: Coverage, open: (code: string) => void): HTMLElement {
  if (answer.cell === null) {
    const near = answer.nearest;
    return h("header", null, h("h2", { id: "found", tabindex: -1 }, say("outside")),
      near ? h("p", null, say("nearest_cell", distance(near.distance_m)), " ", codeButton(near.code, open)) : null,
      h("p", null, say("outside_help")));
  }
  const { cell } = answer;
  return h("header", null,
    h("h2", { id: "found", tabindex: -1 }, data(cell.name)),
    h("p", { class: "areas" }, answer.areas.map((area, i) => [i ? " ‹ " : "", data(area.name)])),
    h("p", null, h("span", { class: "code" }, cell.code), " · ", named("kind", cell.kind),
      answer.edge_distance_m === null ? null : ` · ${say("edge", distance(answer.edge_distance_m))}`),
    cell.services.length ? h("p", null, say("services"), " ", data(cell.services.join("、"))) : null);
}

/** Whom to call now, in large, and the ladder with what was tried. */
export function callView(parts: AnswerParts): HTMLElement {
  const { answer, tried } = parts;
  const turns = new Map(answer.on_duty.map((turn) => [turn.post, turn]));
  const next = answer.ladder.find((rung) => !tried.has(rung.phone)) ?? null;
  const redraw = (focus: string): void => {
    const made = callView(parts);
    section.replaceWith(made);
    made.querySelector<HTMLElement>(focus)?.focus();
  };
  const section = h("section", { class: "calls", "aria-label": say("calls") });
  section.append(next ? nextView(next, turns.get(next.post ?? ""), parts.then, answer.ladder.length - tried.size, () => {
    tried.add(next.phone);
    redraw(".next .call, .again");
  }) : h("div", { class: "next" }, h("p", { role: "status" }, say("all_tried")),
    h("button", { type: "button", class: "again", onclick: () => {
      tried.clear();
      redraw(".next .call");
    } }, say("begin_again"))));
  section.append(emergency(answer), h("h3", null, say("ladder")),
    h("ol", { class: "ladder" }, answer.ladder.map((rung) => rungView(rung, turns.get(rung.post ?? ""), rung === next, tried, redraw))));
  const others = answer.on_duty.filter((turn) => turn.kind !== "department_liaison" && !answer.ladder.some((rung) => rung.post === turn.post));
  if (others.length) section.append(h("h3", null, say("also_on_duty")), h("ul", { class: "ladder" }, others.map((turn) => h("li", null, person(turn, turn), phoneLink(turn.phone)))));
  return section;
}

function nextView(rung: Rung, turn: Turn | undefined, then: boolean, left: number, noAnswer: () => void): HTMLElement {
  const label = say(then ? "call_then" : "call_now");
  return h("div", { class: "next", role: "group", "aria-label": label },
    h("p", { class: "label" }, label),
    h("p", { class: "who" }, post(rung), " ", rung.holder ? data(rung.holder) : h("span", { class: "weak" }, say("nobody"))),
    turn ? h("p", { class: "weak" }, until(turn)) : null,
    h("div", { class: "thumb" },
      h("a", { class: "call", href: telephone(rung.phone) }, h("span", { class: "hidden" }, `${say("call")} `), rung.phone),
      left > 0 ? h("button", { type: "button", class: "no-answer", onclick: noAnswer }, say("no_answer")) : null));
}

function rungView(rung: Rung, turn: Turn | undefined, isNext: boolean, tried: Set<string>, redraw: (focus: string) => void): HTMLElement {
  const id = `tried-${rung.phone.replace(/\W/g, "")}`;
  const mark = h("input", { type: "checkbox", id, checked: tried.has(rung.phone), onchange: () => {
    if (tried.has(rung.phone)) tried.delete(rung.phone);
    else tried.add(rung.phone);
    redraw(`#${id}`);
  } });
  return h("li", { "aria-current": isNext ? "step" : null, class: tried.has(rung.phone) ? "tried" : null },
    h("label", null, mark, h("span", { class: "hidden" }, say("tried", rung.title))),
    person(rung, turn), phoneLink(rung.phone), isNext ? h("span", { class: "tag" }, say("next")) : null);
}

function person(one: Rung | Turn, turn: Turn | undefined): HTMLElement {
  return h("span", { class: "person" }, post(one), " ", one.holder ? data(one.holder) : h("span", { class: "weak" }, say("nobody")),
    turn ? h("small", null, until(turn)) : null);
}

/** The title on the wall and, for who does not read it, the page's own word for the kind. */
function post(one: { readonly kind: string; readonly title: string }): HTMLElement {
  const kind = language() === "en" ? named("post", one.kind) : "";
  return h("span", { class: "post" }, data(one.title), kind && kind !== one.title ? h("span", { class: "weak" }, ` ${kind}`) : null);
}

function until(turn: Turn): string {
  const parts = [say("until", clock(turn.until))];
  if (turn.stands_in_for) parts.push(say("stands_in", turn.stands_in_for));
  if (turn.backup?.["holder"]) parts.push(say("backup", turn.backup["holder"]));
  if (turn.stale) parts.push(say("stale"));
  return parts.join(" · ");
}

export function phoneLink(phone: string): HTMLElement {
  return h("a", { class: "phone", href: telephone(phone) }, phone);
}

function emergency(answer: { readonly emergency: readonly string[] }): HTMLElement {
  return h("p", { class: "emergency" }, say("emergency"), " ", answer.emergency.map((number) => [phoneLink(number), " "]));
}

function acrossView(answer: Coverage, other: Coverage, open: (code: string) => void): HTMLElement {
  const metres = answer.candidates.find((each) => each.code === other.cell?.code)?.distance_m ?? 0;
  const first = other.ladder[0]!;
  return h("div", { class: "other" },
    h("p", null, distance(metres), " · ", data(other.cell?.name ?? ""), " ", codeButton(other.cell?.code ?? "", open)),
    h("p", null, person(first, undefined), " ", phoneLink(first.phone)));
}

function ambiguous(answer: Coverage, open: (code: string) => void): HTMLElement {
  const others = answer.candidates.filter((each) => each.code !== answer.cell?.code);
  return h("p", { class: "banner" }, say("may_be_in"), " ", others.map((each) => [codeButton(each.code, open), ` ${distance(each.distance_m)} `]));
}

function codeButton(code: string, open: (code: string) => void): HTMLElement {
  return h("button", { type: "button", class: "code link", onclick: () => open(code) }, code);
}

function upcoming(answer: Coverage): HTMLElement | null {
  if (!answer.upcoming) return null;
  return h("p", { class: "banner" }, say("upcoming", fullMoment(answer.upcoming.from), answer.upcoming.cell));
}

function departmentsView(departments: readonly Department[], category: string): HTMLElement | null {
  if (departments.length === 0) return category ? h("p", { class: "weak" }, say("no_department")) : null;
  const list = h("ul", { class: "ladder" }, departments.map((each) =>
    h("li", null, h("span", { class: "person" }, data(each.department), " ", h("small", null, data(each.title), each.holder ? [" ", data(each.holder)] : null)), phoneLink(each.phone))));
  if (category) return h("section", null, h("h3", null, say("departments")), list);
  return h("details", null, h("summary", null, say("all_departments", departments.length)), list);
}

function overlayView(overlay: Overlay): HTMLElement {
  return h("section", null, h("h3", null, say("overlay"), " ", data(overlay.name)),
    h("ul", { class: "ladder" }, overlay.posts.map((each) => h("li", null,
      h("span", { class: "person" }, data(each.title), " ", each.holder ? data(each.holder) : h("span", { class: "weak" }, say("nobody"))), phoneLink(each.phone)))));
}

function footnote(answer: Coverage): HTMLElement {
  return h("p", { class: "weak footnote" },
    say("footnote", answer.revision, fullMoment(answer.as_of), place(answer.point.lon, answer.point.lat)), " ",
    answer.cell ? h("a", { href: `v1/cells/${encodeURIComponent(answer.cell.code)}/poster.html` }, say("poster")) : null);
}
