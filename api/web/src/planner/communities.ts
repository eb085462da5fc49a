// Communities: one of the chosen cells, another name or code for theirs, or one of several.
import { h } from "../dom";
import { tell } from "./language";
import type { CellFeature } from "./api";

export interface CommunityParts {
  readonly chosen: readonly CellFeature[];
  readonly edit: (edit: object) => void;
}

export function communityView({ chosen, edit }: CommunityParts): HTMLElement | null {
  const communities = [...new Set(chosen.map((each) => each.properties.community))];
  const first = communities[0];
  if (first === undefined) return null;
  return h("details", { id: "communities" }, h("summary", null, tell("communities")),
    communities.length > 1 ? merge(communities, edit) : rename(first, edit), create(chosen, first, edit));
}

function field(id: string, word: Parameters<typeof tell>[0], value: string, required = true): readonly [HTMLElement, HTMLInputElement] {
  const input = h("input", { id, value, required, maxlength: 200, autocomplete: "off", spellcheck: "false" });
  return [h("label", { for: id }, tell(word)), input];
}

function form(fields: readonly (readonly [HTMLElement, HTMLInputElement])[], button: HTMLElement, send: () => void): HTMLElement {
  return h("form", { class: "fields", onsubmit: (event: Event) => {
    event.preventDefault();
    send();
  } }, fields.flat(), button);
}

function create(chosen: readonly CellFeature[], beside: string, edit: CommunityParts["edit"]): HTMLElement {
  const name = field("area-name", "community_name", ""), code = field("area-code", "community_code", ""), parent = field("area-parent", "community_parent", beside.slice(0, 9));
  return form([name, code, parent], h("button", { id: "create-area" }, tell("create_area", chosen.length)), () => edit({
    op: "create_area", code: code[1].value.trim(), name: name[1].value.trim(), parent: parent[1].value.trim(), members: chosen.map((each) => each.properties.code),
  }));
}

function rename(area: string, edit: CommunityParts["edit"]): HTMLElement {
  const name = field("area-new-name", "community_new_name", "", false), code = field("area-new-code", "new_code", "", false);
  return form([name, code], h("button", { id: "change-area" }, tell("change_area", area)), () => edit({
    op: "change_area", area, ...(name[1].value.trim() ? { name: name[1].value.trim() } : {}), ...(code[1].value.trim() ? { code: code[1].value.trim() } : {}),
  }));
}

function merge(areas: readonly string[], edit: CommunityParts["edit"]): HTMLElement {
  const code = field("area-merged-code", "community_goes_on", areas[0]!), name = field("area-merged-name", "community_new_name", "", false);
  return form([code, name], h("button", { id: "merge-areas" }, tell("merge_areas", areas.join(" · "))), () => edit({
    op: "merge_areas", areas, code: code[1].value.trim(), ...(name[1].value.trim() ? { name: name[1].value.trim() } : {}),
  }));
}
