// What stands over a draft: the way back, its name, state and reason; and that it was just published.
import { data, h } from "../dom";
import { moment } from "../format";
import { tell } from "./language";
import { pill } from "./list";
import type { Done, WholeDraft } from "./api";

export function headView(number: number, draft: WholeDraft | null, toList: () => void): (HTMLElement | null)[] {
  return [
    h("p", { class: "back" }, h("a", { href: "planner", id: "to-list", onclick: (event: Event) => {
      event.preventDefault();
      toList();
    } }, tell("all_drafts"))),
    draft ? h("h1", { id: "found", tabindex: -1, "data-version": draft.version }, data(draft.name), " ", pill(draft.state)) : h("h1", { id: "found", tabindex: -1 }, tell("draft", number)),
    draft ? h("p", { class: "weak" }, tell("head_line", draft.base, draft.edits.filter((each) => !each.undone).length, draft.owner, moment(draft.changed_at))) : null,
    draft?.reason ? h("p", null, data(draft.reason)) : null,
    draft?.problem ? h("p", { class: "banner warning", lang: "en" }, draft.problem) : null,
  ];
}

export function publishedView(revision: number, { unstaffed }: Done, see: () => void): HTMLElement {
  return h("div", { class: "banner good", role: "status", id: "published" },
    h("p", null, h("b", null, tell("published_as", revision))),
    unstaffed.length ? h("p", null, tell("will_be_unstaffed", unstaffed.join(", "))) : null,
    h("p", null, h("button", { type: "button", id: "see-revision", onclick: see }, tell("see_revision", revision))));
}
