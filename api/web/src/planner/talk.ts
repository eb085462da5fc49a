// Remarks on a draft, each pinned to a cell, a place of the map, or neither.
import { data, h } from "../dom";
import { moment } from "../format";
import type { Position } from "./cells";
import { tell } from "./language";
import type { CellFeature, Comment, WholeDraft } from "./api";

export interface TalkParts {
  readonly draft: WholeDraft;
  readonly chosen: CellFeature | null;
  readonly goTo: (place: Position, code: string) => void;
  readonly toCell: (code: string) => void;
  readonly centre: () => Position | null;
  readonly act: (step: string, body?: object) => Promise<unknown>;
}

export function talkView(parts: TalkParts): HTMLElement {
  const { draft } = parts;
  const open = draft.comments.filter((each) => !each.resolved_by), over = draft.comments.filter((each) => each.resolved_by);
  return h("div", { class: "talk" },
    h("p", { class: "weak" }, tell("talk_help")),
    open.length ? h("ul", { class: "remarks" }, open.map((each) => remark(parts, each))) : h("p", { class: "empty" }, tell("no_remarks")),
    draft.state === "discarded" ? null : form(parts),
    over.length ? h("details", null, h("summary", null, tell("dealt_with", over.length)), h("ul", { class: "remarks" }, over.map((each) => remark(parts, each)))) : null);
}

function remark({ goTo, toCell, act }: TalkParts, each: Comment): HTMLElement {
  const { point, cell } = each;
  return h("li", { id: `remark-${each.id}`, tabindex: -1 },
    h("p", null, h("b", null, `${each.id}`), " ", data(each.text)),
    h("p", { class: "weak" }, `${each.actor} · ${moment(each.made_at)} `,
      point ? h("button", { type: "button", class: "link", onclick: () => goTo([point[0]!, point[1]!], String(each.id)) }, tell("show_place")) : null,
      cell ? h("button", { type: "button", class: "link code", onclick: () => toCell(cell) }, cell) : null,
      each.resolved_by ? ` ${tell("resolved_by", each.resolved_by)}` : h("button", { type: "button", class: "link", onclick: () => void act(`comments/${each.id}/resolve`) }, tell("resolve"))));
}

function form({ chosen, centre, act }: TalkParts): HTMLElement {
  const text = h("textarea", { id: "remark-text", rows: 3, maxlength: 4000, required: true });
  const pin = h("select", { id: "remark-pin" },
    chosen ? h("option", { value: "cell" }, tell("pin_cell", chosen.properties.name)) : null,
    h("option", { value: "point" }, tell("pin_centre")), h("option", { value: "" }, tell("pin_nothing")));
  return h("form", { class: "fields", onsubmit: async (event: Event) => {
    event.preventDefault();
    const at = pin.value === "point" ? centre() : null;
    const made = await act("comments", { text: text.value.trim(), ...(pin.value === "cell" ? { cell: chosen!.properties.code } : {}), ...(at ? { point: at, crs: "wgs84" } : {}) });
    const field = document.getElementById("remark-text") as HTMLTextAreaElement | null;
    if (made && field) field.value = "";
  } }, h("label", { for: "remark-text" }, tell("remark")), text, h("label", { for: "remark-pin" }, tell("pinned_to")), pin, h("button", { id: "remark-now" }, tell("remark_now")));
}
