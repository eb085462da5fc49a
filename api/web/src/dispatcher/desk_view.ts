// The dispatcher's frame: the box, time and category, where answers go, and the map. Made once; only its words change.
import type { Category, City } from "../api";
import { h } from "../dom";
import { label } from "../format";
import { say } from "../language";
import type { Shown } from "../place_url";

export interface DeskParts {
  readonly root: HTMLElement;
  readonly form: HTMLFormElement;
  readonly box: HTMLInputElement;
  readonly at: HTMLInputElement;
  readonly now: HTMLButtonElement;
  readonly category: HTMLSelectElement;
  readonly banners: HTMLElement;
  readonly answer: HTMLElement;
  readonly stage: HTMLElement;
  readonly mapState: HTMLElement;
  translate(shown: Shown, categories: readonly Category[]): void;
  empty(city: City | null): HTMLElement;
}

export function deskView(): DeskParts {
  const box = h("input", {
    id: "box", name: "place", type: "search", autocomplete: "off", autocapitalize: "off", spellcheck: "false", autofocus: true,
    enterkeyhint: "search", "aria-describedby": "box-help", maxlength: 2000,
  });
  const title = h("h1"), boxLabel = h("label", { for: "box" }), help = h("p", { id: "box-help", class: "weak" });
  const go = h("button", { class: "primary" });
  const form = h("form", { role: "search", class: "box" }, boxLabel, h("div", { class: "line" }, box, go), help);
  const at = h("input", { id: "at", type: "datetime-local" }), now = h("button", { type: "button", id: "now" });
  const category = h("select", { id: "category" });
  const atLabel = h("label", { for: "at" }), categoryLabel = h("label", { for: "category" });
  const options = h("div", { class: "options" }, h("div", null, categoryLabel, category), h("div", null, atLabel, h("span", { class: "line" }, at, now)));
  const banners = h("div", { class: "banners", role: "status" });
  const answer = h("section", { class: "found" });
  const stage = h("div", { class: "map-stage", "aria-busy": "true" }), mapState = h("p", { class: "map-state", role: "status", hidden: true });
  const mapSection = h("section", { class: "map" }, stage, mapState);
  const panel = h("section", { class: "panel" }, title, form, options, banners, answer);
  const root = h("div", { class: "desk" }, panel, mapSection);

  function translate(shown: Shown, categories: readonly Category[]): void {
    title.textContent = say("desk_dispatcher");
    boxLabel.textContent = say("box");
    help.textContent = say("box_help");
    go.textContent = say("look_up");
    atLabel.textContent = say("time");
    categoryLabel.textContent = say("category");
    now.textContent = say("now");
    now.hidden = shown.at === "";
    at.value = shown.at;
    panel.setAttribute("aria-label", say("desk_dispatcher"));
    answer.setAttribute("aria-label", say("answer"));
    mapSection.setAttribute("aria-label", say("map"));
    category.replaceChildren(h("option", { value: "" }, say("any_category")),
      ...categories.map((each) => h("option", { value: each.code }, label(each.label, each.label_en))));
    category.value = shown.category;
    root.classList.toggle("not-now", shown.at !== "");
  }

  function empty(city: City | null): HTMLElement {
    return h("div", { class: "empty" },
      h("p", null, say("empty")),
      h("ul", null, (["empty_address", "empty_code", "empty_pair", "empty_click"] as const).map((word) => h("li", null, say(word)))),
      city ? h("p", { class: "emergency" }, say("emergency"), " ", city.emergency.map((number) => [h("a", { class: "phone", href: `tel:${number}` }, number), " "])) : null);
  }

  return { root, form, box, at, now, category, banners, answer, stage, mapState, translate, empty };
}
