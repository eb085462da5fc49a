// On the way to a revision: every check with what fails at its place, waivers, review, and publishing with all that
// will happen said before.
import type { Me } from "../api";
import { data, h } from "../dom";
import { cityNow, fullMoment } from "../format";
import type { Position } from "./cells";
import { figure, figureName, number } from "./figures";
import { tell, told } from "./language";
import type { Certificate, Check, Figure, Impact, WholeDraft } from "./api";

export interface CheckParts {
  readonly draft: WholeDraft;
  readonly me: Me | null;
  readonly certificate: Certificate | null;
  /** Why there is no certificate; both changes, where two drafts changed the same cell. */
  readonly problem: HTMLElement | null;
  readonly checking: boolean;
  readonly empty: boolean;
  readonly goTo: (place: Position, code: string) => void;
  readonly toCell: (code: string) => void;
  readonly act: (step: string, body?: object) => Promise<unknown>;
  readonly publish: () => void;
}

const MARK: Readonly<Record<string, string>> = { pass: "✓", fail: "✗", waived: "○", "not measured": "–", "checked when published": "…" };

export function checkView(parts: CheckParts): HTMLElement {
  const { certificate, problem, checking, draft } = parts;
  return h("div", { class: checking ? "checks stale" : "checks", "aria-busy": checking ? "true" : null },
    steps(draft),
    actions(parts),
    problem,
    certificate !== null ? checksOf(parts, certificate) : problem || draft.state === "published" || draft.state === "discarded" ? null
      : parts.empty && !checking ? h("p", { class: "empty" }, tell("changes_nothing")) : h("p", { class: "asking", role: "status" }, tell("checking")));
}

function steps(draft: WholeDraft): HTMLElement {
  const order = ["open", "submitted", "approved", "published"];
  const at = order.indexOf(({ returned: "open", scheduled: "approved" } as Record<string, string>)[draft.state] ?? draft.state);
  return h("ol", { class: "steps", "aria-label": tell("way") }, order.map((each, i) =>
    h("li", { class: i < at ? "done" : "", "aria-current": i === at ? "step" : null }, told("state", i === at ? draft.state : each))));
}

function checksOf(parts: CheckParts, certificate: Certificate): HTMLElement {
  const failing = certificate.checks.filter((each) => each.result === "fail");
  return h("section", { "data-version": certificate.version },
    h("p", { class: certificate.passed ? "banner good" : "banner warning" },
      h("b", null, certificate.passed ? tell("certificate_passes") : tell("certificate_fails", failing.length)), " ",
      certificate.over === certificate.base ? tell("certified_on", certificate.over) : tell("certified_over", certificate.over, certificate.base)),
    certificate.replayed_over.length ? h("p", null, tell("replayed", certificate.replayed_over.join(", "))) : null,
    Object.keys(certificate.recoded).length ? h("p", null, tell("recoded", Object.entries(certificate.recoded).map(([old, now]) => `${old} → ${now}`).join(" · "))) : null,
    h("ul", { class: "certificate" }, [...failing, ...certificate.checks.filter((each) => each.result !== "fail")].map((each) => check(parts, each))),
    certificate.missing_approvals.length ? h("p", { class: "weak" }, tell("missing_approvals", certificate.missing_approvals.join(" · "))) : null);
}

function check(parts: CheckParts, each: Check): HTMLElement {
  const figures = Object.entries(each.figures).filter(([, value]) => value !== null && typeof value !== "object");
  return h("li", { class: each.result.replaceAll(" ", "-"), "data-check": each.check },
    h("p", null, h("span", { class: "mark", "aria-hidden": "true" }, MARK[each.result] ?? "·"), " ", h("b", null, told("check", each.check)), " ",
      h("span", { class: "weak" }, told("result", each.result))),
    each.result === "pass" ? null : h("p", { class: "weak" }, told("checks", each.check)),
    each.result === "fail" && figures.length ? h("p", { class: "weak" }, figures.map(([name, value]) => `${figureName(name)} ${figure(name, value as Figure)}`).join(" · ")) : null,
    each.offenders.length ? h("ul", { class: "places" }, each.offenders.map((one) => h("li", null,
      one.point ? h("button", { type: "button", class: "link code", onclick: () => parts.goTo([one.point![0]!, one.point![1]!], one.code) }, one.code || tell("show_place"))
        : one.code ? h("button", { type: "button", class: "link code", onclick: () => parts.toCell(one.code) }, one.code) : null,
      " ", wrong(one.what)))) : null,
    each.waiver ? h("p", { class: "weak" }, tell("waived_by", each.waiver.name, each.waiver.reason)) : null,
    each.waivable && each.result === "fail" ? waiver(parts, each.check) : null);
}

/** What is wrong, in the page's words where it has them. */
function wrong(what: string): HTMLElement {
  const said = told("what", what);
  return h("span", { class: "weak", lang: said === what ? "en" : null }, said);
}

function waiver({ me, draft, act }: CheckParts, what: string): HTMLElement {
  if (me?.role !== "approver" && me?.role !== "publisher") return h("p", { class: "weak" }, tell("can_be_waived"));
  if (!["submitted", "approved", "open", "returned"].includes(draft.state)) return h("p", { class: "weak" }, tell("can_be_waived"));
  const name = h("input", { id: `waiver-name-${what}`, required: true, maxlength: 200, autocomplete: "off" }), reason = h("input", { id: `waiver-reason-${what}`, required: true, maxlength: 1000, autocomplete: "off" });
  return h("details", { class: "waiver", id: `waive-${what}` }, h("summary", null, tell("waive")), h("form", { class: "fields", onsubmit: (event: Event) => {
    event.preventDefault();
    void act("waivers", { check: what, name: name.value.trim(), reason: reason.value.trim() });
  } }, h("label", { for: name.id }, tell("who_answers")), name, h("label", { for: reason.id }, tell("why")), reason, h("button", { "data-waive": what }, tell("waive_it"))));
}

function actions(parts: CheckParts): HTMLElement {
  const { draft, me, act } = parts, role = me?.role ?? "public", mine = draft.owner === me?.id || draft.shared_with.includes(me?.id ?? "");
  const buttons: (HTMLElement | null)[] = [];
  const button = (word: Parameters<typeof tell>[0], does: () => void, id: string, primary = false, off = false): void => {
    buttons.push(h("button", { type: "button", id, class: primary ? "primary" : null, disabled: off, onclick: does }, tell(word)));
  };
  const drawable = draft.state === "open" || draft.state === "returned";
  if (role === "planner" && mine && drawable) button("submit", () => void act("submit"), "submit", true, draft.edits.every((each) => each.undone));
  if (role === "planner" && draft.owner === me?.id && (draft.state === "submitted" || draft.state === "approved")) button("take_back", () => void act("return"), "take-back");
  if (role === "approver" && draft.state === "submitted") button("approve", () => void act("approve"), "approve", true);
  if (role === "publisher" && draft.state !== "published" && draft.state !== "discarded") button("publish_step", parts.publish, "publish", true, !parts.certificate?.passed);
  if (role === "publisher" && draft.state === "scheduled") button("recall", () => void act("recall"), "recall");
  const hint = nextStep(draft, role, mine, parts.certificate);
  return h("div", { class: "next-step" }, hint ? h("p", null, hint) : null,
    h("div", { class: "buttons" }, buttons),
    role === "approver" && (draft.state === "submitted" || draft.state === "approved") ? giveBack(parts) : null);
}

function nextStep(draft: WholeDraft, role: string, mine: boolean, certificate: Certificate | null): string {
  if (draft.state === "published") return tell("is_published", draft.revision ?? 0);
  if (draft.state === "discarded") return tell("is_discarded");
  if (draft.state === "scheduled") return tell("is_scheduled", draft.publish_at ? fullMoment(draft.publish_at) : "");
  if (role === "publisher") return certificate && !certificate.passed ? tell("cannot_publish_yet") : tell("can_publish");
  if (role === "planner" && mine && (draft.state === "open" || draft.state === "returned")) return tell("submit_help");
  if (draft.state === "submitted") return role === "approver" ? tell("approve_help") : tell("is_submitted");
  return draft.state === "approved" ? tell("is_approved") : "";
}

function giveBack({ act }: CheckParts): HTMLElement {
  const text = h("textarea", { id: "return-text", rows: 3, maxlength: 4000 });
  return h("details", null, h("summary", null, tell("give_back")), h("form", { class: "fields", onsubmit: (event: Event) => {
    event.preventDefault();
    const said = text.value.trim();
    void act("return", { comments: said ? [{ text: said }] : [] });
  } }, h("label", { for: text.id }, tell("what_to_mend")), text, h("button", null, tell("give_back_now"))));
}

export interface PublishParts {
  readonly draft: WholeDraft;
  readonly certificate: Certificate;
  readonly impact: Impact;
  readonly publish: (note: string, at: string) => void;
  readonly cancel: () => void;
}

/** What will happen, in numbers, before it does. */
export function publishView({ draft, certificate, impact, publish, cancel }: PublishParts): HTMLElement[] {
  const next = certificate.over + 1;
  const count = (value: number | null): string => (value === null ? tell("hidden") : number(value, 1));
  const moved = Object.entries(impact.moved).filter(([, value]) => value !== 0).map(([what, value]) => `${told("class", what)} ${count(value)}`);
  const waived = certificate.checks.filter((each) => each.result === "waived");
  const unstaffed = certificate.checks.find((each) => each.check === "staffed" && each.result !== "pass")?.offenders.map((each) => each.code) ?? [];
  const note = h("input", { id: "publish-note", maxlength: 1000, value: draft.reason || draft.name, autocomplete: "off" });
  const at = h("input", { id: "publish-at", type: "datetime-local", min: cityNow() });
  const says: (string | null)[] = [
    tell("will_be_current", next, certificate.over),
    impact.ended.length ? tell("will_end", impact.ended.length, impact.ended.slice(0, 12).join(", ")) : null,
    impact.new.length ? tell("will_begin", impact.new.length, impact.new.slice(0, 12).join(", ")) : null,
    impact.changed.length ? tell("will_change", impact.changed.length, impact.changed.slice(0, 12).join(", ")) : null,
    moved.length ? tell("will_move", moved.join(" · ")) : tell("will_move_nothing"),
    impact.posts.length ? tell("will_posts", impact.posts.length, impact.posts.reduce((sum, each) => sum + each.shifts, 0)) : null,
    unstaffed.length ? tell("will_be_unstaffed", unstaffed.join(", ")) : null,
    waived.length ? tell("will_be_waived", waived.map((each) => told("check", each.check)).join(" · ")) : null,
    impact.downstream.overlays.length ? tell("overlays", impact.downstream.overlays.join(" · ")) : null,
    draft.state !== "approved" ? tell("without_approval") : null,
    tell("will_be_undone", certificate.over),
  ];
  const form = h("form", { class: "fields", onsubmit: (event: Event) => {
    event.preventDefault();
    publish(note.value.trim(), at.value);
  } },
    h("label", { for: note.id }, tell("publish_note")), note,
    h("label", { for: at.id }, tell("publish_at")), at,
    h("div", { class: "buttons" }, h("button", { id: "publish-now", class: "primary" }, tell("publish_now", next)), h("button", { type: "button", onclick: cancel }, tell("not_now"))));
  at.addEventListener("input", () => {
    form.querySelector("#publish-now")!.textContent = at.value ? tell("publish_later", next) : tell("publish_now", next);
  });
  return [
    h("h2", { id: "publish-title", tabindex: -1 }, tell("publish_title", next)),
    h("p", null, data(draft.name)),
    h("ul", { class: "will" }, says.map((each) => each && h("li", null, each))),
    form,
  ];
}
