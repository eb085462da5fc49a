// What else belongs to a draft: its edits, name, reason and who draws it with its owner, papers, the public notice,
// and another draft beside it.
import type { Me } from "../api";
import { h } from "../dom";
import { fullMoment, moment } from "../format";
import { language } from "../language";
import { figure, figureName } from "./figures";
import { tell, told } from "./language";
import { plannerProblem } from "./problem";
import type { Compared, Draft, PlannerApi, RecordedEdit, WholeDraft } from "./api";

export interface PapersParts {
  readonly draft: WholeDraft;
  readonly me: Me | null;
  readonly api: PlannerApi;
  readonly drafts: readonly Draft[];
  /** Where the public notice is read; empty when it was not just put up. */
  readonly link: string;
  readonly notice: (up: boolean) => void;
  readonly patch: (body: object) => void;
  readonly discard: () => void;
}

const FORMS = ["html", "pdf", "xlsx"] as const;
const ON_NOTICE = new Set(["submitted", "approved", "scheduled", "published"]);

export function papersView(parts: PapersParts): HTMLElement {
  const { draft, me, api } = parts;
  const owner = me?.role === "planner" && me.id === draft.owner, over = draft.state === "published" || draft.state === "discarded";
  return h("div", { class: "papers" },
    h("h3", null, tell("dossier")), h("p", { class: "weak" }, tell("dossier_help")),
    h("ul", { class: "buttons" }, FORMS.map((form) => h("li", null, h("a", { class: "button", href: api.paper("drafts", draft.draft, form, language()), target: "_blank", rel: "noopener" }, form.toUpperCase())))),
    notice(parts),
    compare(parts),
    h("h3", null, tell("edits", draft.edits.length)), edits(draft.edits),
    draft.approvals.length ? [h("h3", null, tell("approvals")), h("ul", null, draft.approvals.map((each) => h("li", null, `${each.level} ${each.area} · ${each.actor} · ${moment(each.made_at)}`, each.counts ? "" : ` · ${tell("no_longer_counts")}`)))] : null,
    owner && !over ? settings(parts) : null);
}

function edits(all: readonly RecordedEdit[]): HTMLElement {
  return all.length === 0 ? h("p", { class: "empty" }, tell("no_edits")) : h("ol", { class: "edits" }, all.map((each) => h("li", { class: each.undone ? "undone" : "" },
    h("b", null, told("op", String(each.edit["op"]))), " ", h("span", { class: "code weak" }, aboutEdit(each.edit)), " ",
    h("span", { class: "weak" }, `${each.actor} · ${moment(each.made_at)}${each.undone ? ` · ${tell("undone")}` : ""}`))));
}

function aboutEdit(edit: Readonly<Record<string, unknown>>): string {
  const named = ["cell", "from", "to", "area", "code"].map((key) => edit[key]).filter((each) => typeof each === "string");
  const several = ["cells", "members"].flatMap((key) => (Array.isArray(edit[key]) ? (edit[key] as unknown[]).filter((each) => typeof each === "string") : []));
  return [...named, ...several].join(" ");
}

function notice({ draft, me, link, notice: put }: PapersParts): HTMLElement {
  const may = (me?.role === "approver" || me?.role === "publisher") && ON_NOTICE.has(draft.state);
  return h("section", null, h("h3", null, tell("notice")), h("p", { class: "weak" }, tell(may ? "notice_help" : "notice_who")),
    may ? h("div", { class: "buttons" },
      h("button", { type: "button", id: "open-notice", onclick: () => put(true) }, tell("open_notice")),
      h("button", { type: "button", id: "close-notice", onclick: () => put(false) }, tell("close_notice"))) : null,
    link ? h("p", { id: "notice-link", role: "status" }, h("a", { href: link, target: "_blank", rel: "noopener" }, link), " ", tell("notice_once")) : null);
}

function compare({ draft, api, drafts }: PapersParts): HTMLElement | null {
  const others = drafts.filter((each) => each.draft !== draft.draft && each.state !== "discarded");
  if (others.length === 0) return null;
  const with_ = h("select", { id: "compare-with" }, others.map((each) => h("option", { value: each.draft }, `${each.draft} · ${each.name}`)));
  const shown = h("div", { id: "compared", role: "status" });
  return h("section", null, h("h3", null, tell("compare_drafts")), h("form", { class: "line", onsubmit: async (event: Event) => {
    event.preventDefault();
    shown.replaceChildren(h("p", { class: "asking" }, tell("measuring")));
    try {
      shown.replaceChildren(beside(await api.compare(draft.draft, Number(with_.value))));
    } catch (error) {
      shown.replaceChildren(plannerProblem(error));
    }
  } }, h("label", { for: "compare-with", class: "hidden" }, tell("compare_with")), with_, h("button", { id: "compare-now" }, tell("compare"))), shown);
}

function beside({ drafts, figures }: Compared): HTMLElement {
  const last = (each: string): string => each.split(": ").pop() ?? each;
  const name = (each: string): string => {
    const [what, rest] = each.split(": ");
    if (rest !== undefined) return `${told("principle", what!)} · ${figureName(rest)}`;
    const moved = / that change cell$/.exec(each);
    return moved ? tell("that_move", told("class", each.slice(0, moved.index))) : told("beside", each);
  };
  return h("div", { class: "wide" }, h("table", null, h("thead", null, h("tr", null, h("th", { scope: "col" }, tell("figure")), drafts.map((each) => h("th", { scope: "col" }, tell("draft", each))), h("th", { scope: "col" }, tell("difference")))),
    h("tbody", null, figures.map((each) => h("tr", { class: each.difference ? "other" : "" }, h("th", { scope: "row" }, name(each.figure)),
      h("td", null, figure(last(each.figure), each.first)), h("td", null, figure(last(each.figure), each.second)), h("td", null, each.difference === null ? "" : figure(last(each.figure), each.difference)))))));
}

function settings({ draft, patch, discard }: PapersParts): HTMLElement {
  const name = h("input", { id: "set-name", value: draft.name, required: true, maxlength: 200, autocomplete: "off" });
  const reason = h("input", { id: "set-reason", value: draft.reason, maxlength: 1000, autocomplete: "off" });
  const shared = h("input", { id: "set-shared", value: draft.shared_with.join(", "), autocomplete: "off", spellcheck: "false" });
  return h("details", null, h("summary", null, tell("settings")), h("form", { class: "fields", onsubmit: (event: Event) => {
    event.preventDefault();
    patch({ name: name.value.trim(), reason: reason.value.trim(), shared_with: shared.value.split(/[,，;\s]+/).filter(Boolean) });
  } }, h("label", { for: "set-name" }, tell("draft_name")), name, h("label", { for: "set-reason" }, tell("draft_reason")), reason,
    h("label", { for: "set-shared" }, tell("shared_with")), shared, h("button", { id: "set-now" }, tell("save"))),
    h("p", { class: "weak" }, tell("begun", fullMoment(draft.changed_at))),
    h("p", null, h("button", { type: "button", id: "discard", onclick: discard }, tell("discard"))));
}
