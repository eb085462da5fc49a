// What went wrong at the planner's desk, what to do about it, and what the service itself said; of a conflict both
// sides, each at its place.
import { h } from "../dom";
import { tell, told } from "./language";
import type { Position } from "./cells";
import { Refused } from "../service";

export interface ProblemActs {
  readonly again?: () => void;
  readonly goTo?: (place: Position, code: string) => void;
}

const KNOWN = new Set([0, 401, 403, 404, 409, 422, 429, 503]);

export function plannerProblem(error: unknown, acts: ProblemActs = {}): HTMLElement {
  if (!(error instanceof Refused)) throw error;
  const status = KNOWN.has(error.status) ? String(error.status) : "other";
  const stale = error.status === 409 && (error.faults.length > 0 || /is at version/.test(error.message));
  return h("div", { class: "banner warning problem", role: "alert" },
    h("p", null, h("b", null, stale ? tell("stale") : told("problem", status))),
    h("p", null, stale ? tell(error.faults.length ? "do_conflict" : "do_stale") : told("do", status)),
    error.status === 0 ? null : h("p", { class: "weak", lang: "en" }, error.message),
    error.faults.length && stale ? h("ul", { class: "places" }, error.faults.map((fault) => {
      const [lon, lat] = fault.value.split(" ").map(Number);
      const there = acts.goTo && Number.isFinite(lon) && Number.isFinite(lat);
      return h("li", null, there ? h("button", { type: "button", class: "link code", onclick: () => acts.goTo!([lon!, lat!], fault.where) }, fault.where) : h("span", { class: "code" }, fault.where),
        " ", h("span", { class: "weak", lang: "en" }, fault.rule));
    })) : null,
    acts.again ? h("p", null, h("button", { type: "button", onclick: acts.again }, tell(stale ? "show_newest" : "try_again"))) : null);
}
