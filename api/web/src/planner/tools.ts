// The tools over the map, the hint that says how the one in hand works, and the card of the chosen cells.
import { data, h } from "../dom";
import { communityView } from "./communities";
import { named } from "../language";
import { tell } from "./language";
import type { CellFeature } from "./api";

export type Tool = "choose" | "split" | "merge" | "edge" | "transfer" | "cut";
export const TOOLS: readonly Tool[] = ["choose", "split", "merge", "edge", "transfer", "cut"];
const KINDS = ["basic", "full_service", "special"] as const;

export interface ToolParts {
  readonly tool: Tool;
  readonly mayDraw: boolean;
  readonly mayUndo: boolean;
  readonly mayRedo: boolean;
  readonly busy: boolean;
  readonly take: (tool: Tool) => void;
  readonly undo: () => void;
  readonly redo: () => void;
}

export function toolButtons(parts: ToolParts): HTMLElement[] {
  if (!parts.mayDraw) return [];
  return [
    ...TOOLS.map((tool) => h("button", { type: "button", id: `tool-${tool}`, "aria-pressed": tool === parts.tool ? "true" : "false", onclick: () => parts.take(tool) }, tell(`tool_${tool}`))),
    h("span", { class: "gap" }),
    h("button", { type: "button", id: "undo", disabled: !parts.mayUndo || parts.busy, onclick: parts.undo, title: "Ctrl+Z" }, tell("undo")),
    h("button", { type: "button", id: "redo", disabled: !parts.mayRedo || parts.busy, onclick: parts.redo, title: "Ctrl+Shift+Z" }, tell("redo")),
  ];
}

export interface HintParts {
  readonly tool: Tool;
  readonly chosen: readonly CellFeature[];
  readonly busy: boolean;
  readonly edge: boolean;
  readonly along: boolean;
  readonly setAlong: (along: boolean) => void;
  readonly merge: () => void;
  readonly move: () => void;
  readonly stop: () => void;
}

/** What to do next with the tool in hand; nothing for choosing. */
export function hintView({ tool, chosen, busy, edge, along, setAlong, merge, move, stop }: HintParts): HTMLElement[] {
  if (tool === "choose") return [];
  const names = chosen.map((each) => each.properties.name).join(" · ");
  const text = tool === "split" ? (chosen.length === 1 ? tell("hint_split_chosen", names) : tell("hint_split"))
    : tool === "merge" ? (chosen.length > 1 ? tell("hint_merge_chosen", names) : tell("hint_merge"))
    : tool === "edge" ? (edge ? tell("hint_edge_chosen", names) : chosen.length === 2 ? tell("hint_edge_apart") : tell("hint_edge"))
    : tool === "transfer" ? (chosen.length === 1 ? tell("hint_transfer_chosen", names) : tell("hint_transfer"))
    : tell("hint_cut");
  const shown = [
    h("p", { role: "status" }, busy ? tell("working") : text),
    tool === "split" || tool === "transfer" || tool === "cut" ? h("p", { class: "weak" }, tell("hint_keys")) : null,
    tool === "split" ? h("label", { class: "check" }, h("input", { type: "checkbox", id: "along-streets", checked: along, onchange: (event: Event) => setAlong((event.target as HTMLInputElement).checked) }), " ", tell("along_streets")) : null,
    h("div", { class: "buttons" },
      tool === "merge" ? h("button", { type: "button", id: "merge-now", class: "primary", disabled: chosen.length < 2 || busy, onclick: merge }, tell("merge_now", chosen.length)) : null,
      tool === "edge" && edge ? h("button", { type: "button", id: "move-now", class: "primary", disabled: busy, onclick: move }, tell("move_now")) : null,
      h("button", { type: "button", id: "put-down", onclick: stop }, tell("put_down"))),
  ];
  return shown.filter((each) => each !== null);
}

export interface CardParts {
  readonly chosen: readonly CellFeature[];
  readonly mayDraw: boolean;
  readonly edit: (edit: object) => void;
  readonly find: (code: string) => void;
  readonly clear: () => void;
}

/** The cells that are chosen, with what can be said of one, and the box to choose one by its code. */
export function cardView(parts: CardParts): HTMLElement {
  const { chosen, find, clear } = parts;
  const box = h("input", { id: "cell-code", autocomplete: "off", spellcheck: "false", maxlength: 64, placeholder: tell("code_example") });
  const search = h("form", { class: "line", role: "search", onsubmit: (event: Event) => {
    event.preventDefault();
    const code = box.value.trim();
    box.value = "";
    if (code) find(code);
  } }, h("label", { class: "hidden", for: "cell-code" }, tell("find_cell")), box, h("button", null, tell("find")));
  if (chosen.length === 0) return h("section", { class: "card" }, h("p", { class: "weak" }, tell("choose_help")), search);
  if (chosen.length > 1) {
    return h("section", { class: "card" }, h("h3", null, tell("chosen", chosen.length), " ", h("button", { type: "button", id: "clear-chosen", class: "link", onclick: clear }, tell("clear"))),
      h("ul", null, chosen.map((each) => h("li", null, data(each.properties.name), " ", h("span", { class: "code weak" }, each.properties.code)))),
      parts.mayDraw ? communityView(parts) : null, search);
  }
  const cell = chosen[0]!.properties;
  return h("section", { class: "card", "data-cell": cell.code },
    h("h3", null, data(cell.name), " ", h("button", { type: "button", id: "clear-chosen", class: "link", onclick: clear }, tell("clear"))),
    h("p", null, h("span", { class: "code" }, cell.code), h("span", { class: "weak" }, ` · ${named("kind", cell.kind)} · ${tell("community", cell.community)}`)),
    parts.mayDraw ? [splitInto(parts, cell.code), change(parts, chosen[0]!), communityView(parts)] : null, search);
}

function splitInto({ edit }: CardParts, cell: string): HTMLElement {
  const count = h("input", { id: "split-parts", type: "number", min: 2, max: 20, value: 2, required: true });
  return h("form", { class: "line", onsubmit: (event: Event) => {
    event.preventDefault();
    edit({ op: "split_into", cell, parts: Number(count.value) });
  } }, h("label", { for: "split-parts" }, tell("split_into")), count, h("button", { id: "split-into" }, tell("split_now")));
}

function change({ edit }: CardParts, { properties: cell }: CellFeature): HTMLElement {
  const name = h("input", { id: "cell-name", value: cell.name, maxlength: 200, required: true, autocomplete: "off" });
  const kind = h("select", { id: "cell-kind" }, KINDS.map((each) => h("option", { value: each, selected: each === cell.kind }, named("kind", each))));
  const services = h("input", { id: "cell-services", value: cell.services.join("、"), autocomplete: "off" });
  const community = h("input", { id: "cell-community", value: cell.community, maxlength: 64, required: true, autocomplete: "off", spellcheck: "false" });
  const code = h("input", { id: "cell-new-code", value: "", placeholder: cell.code, maxlength: 64, autocomplete: "off", spellcheck: "false" });
  return h("details", null, h("summary", null, tell("change_cell")), h("form", { class: "fields", onsubmit: (event: Event) => {
    event.preventDefault();
    const said = services.value.split(/[、,，;；]/).map((each) => each.trim()).filter(Boolean);
    edit({
      op: "change", cell: cell.code,
      ...(name.value.trim() !== cell.name ? { name: name.value.trim() } : {}),
      ...(kind.value !== cell.kind ? { kind: kind.value } : {}),
      ...(said.join() !== cell.services.join() ? { services: said } : {}),
      ...(community.value.trim() !== cell.community ? { community: community.value.trim() } : {}),
      ...(code.value.trim() ? { code: code.value.trim() } : {}),
    });
  } },
    h("label", { for: "cell-name" }, tell("name")), name, h("label", { for: "cell-kind" }, tell("kind")), kind,
    h("label", { for: "cell-services" }, tell("services")), services, h("label", { for: "cell-community" }, tell("community_code")), community,
    h("label", { for: "cell-new-code" }, tell("new_code")), code, h("button", { id: "change-now" }, tell("change_now"))));
}
