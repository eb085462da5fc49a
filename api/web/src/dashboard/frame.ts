// The cockpit's frame: the way up, what is counted, the cards, the map with its legend, and what can be taken along.
import { RAMP_STEPS, stepOf } from "./charts";
import { heatmapQuery, hexesOf, type Part } from "./data";
import type { Painted } from "./map";
import {
  categoriesCard, cellsCard, elementsCard, filtersView, incidentsCard, inGridCard, modeOf, partsCard, postsCard, principlesCard,
  staffingCard, trendCard, weekCard, type Change, type Model,
} from "./view";
import { tell, told } from "./words";
import { data, h } from "../dom";
import { language, named, say } from "../language";
import { number } from "./charts";

const SUBJECTS = ["incidents", "person", "place", "object", "organization"];
const LAYERS = ["areas", "hexes", "kinds"] as const;
const PICTURE_WIDTH = "1600";

interface Acts {
  readonly change: Change;
  readonly open: (part: { readonly code: string }, level: string) => void;
}

export interface Frame {
  readonly root: HTMLElement;
  readonly banners: HTMLElement;
  readonly stage: HTMLElement;
  /** Draws what rests on these parts of the model; null: all. */
  draw(model: Model, changed: readonly (keyof Model)[] | null): void;
  drawNothing(instead: HTMLElement): void;
  asking(yes: boolean): void;
  drawLegend(painted: Painted, model: Model): void;
  tellMap(text: string): void;
  focusTitle(): void;
}

export function cockpitFrame({ change, open }: Acts): Frame {
  const banners = h("div", { class: "banners", role: "status" });
  const top = h("div", { class: "top" });
  const cards = h("div", { class: "cards" });
  const stage = h("div", { class: "map-stage", "aria-busy": "true" }), mapState = h("p", { class: "map-state", role: "status", hidden: true });
  const bar = h("div", { class: "map-bar" }), legend = h("div", { class: "map-legend" });
  const mapSection = h("section", { class: "map" }, bar, h("div", { class: "map-room" }, stage, mapState), legend);
  const root = h("div", { class: "cockpit" }, h("div", { class: "numbers" }, banners, top, cards), mapSection);
  const slots = new Map<string, HTMLElement>();
  let drawn = "";

  const DRAWS: readonly (readonly [name: string, rests: readonly (keyof Model)[], draw: (model: Model) => HTMLElement | null])[] = [
    ["cells", [], cellsCard], ["staffing", ["staffing"], staffingCard], ["incidents", ["roster"], incidentsCard], ["elements", ["roster"], elementsCard],
    ["in-grid", ["inGrid"], inGridCard], ["trend", ["trend"], (model) => trendCard(model, change)],
    ["categories", ["categories"], (model) => categoriesCard(model, change)], ["parts", ["parts", "staffing"], (model) => partsCard(model, (part: Part, level) => open(part, level), change)],
    ["week", ["week"], (model) => weekCard(model, change)],
    ["posts", ["roster"], postsCard], ["principles", ["principles"], principlesCard],
  ];

  function draw(model: Model, changed: readonly (keyof Model)[] | null): void {
    if (changed === null) {
      keepingFocus(root, () => {
        top.replaceChildren(...topOf(model, { change, open }));
        drawBar(model);
      });
      if (slots.size === 0) cards.replaceChildren();
      for (const [name] of DRAWS) if (!slots.has(name)) slots.set(name, cards.appendChild(h("div", { class: `slot slot-${name}` })));
    }
    for (const [name, rests, make] of DRAWS) {
      if (changed !== null && !rests.some((each) => changed.includes(each))) continue;
      const slot = slots.get(name)!, opened = [...slot.querySelectorAll("details")].map((each) => each.open);
      keepingFocus(slot, () => {
        const made = make(model);
        slot.replaceChildren(...(made ? [made] : []));
        slot.querySelectorAll("details").forEach((each, at) => (each.open = opened[at] ?? false));
      });
    }
    drawn = `${model.place.code} ${model.view.pick}`;
  }

  /** Whether numbers are on their way; when they are there the frame says of what. */
  function asking(yes: boolean): void {
    root.setAttribute("aria-busy", String(yes));
    root.dataset["shown"] = yes ? "" : drawn;
  }

  function drawNothing(instead: HTMLElement): void {
    slots.clear();
    top.replaceChildren();
    cards.replaceChildren(instead);
    root.dataset["shown"] = "";
  }

  function drawBar(model: Model): void {
    mapSection.setAttribute("aria-label", say("map"));
    bar.replaceChildren(
      h("div", { class: "segments", role: "group", "aria-label": tell("layer") }, LAYERS.map((layer) =>
        h("button", { type: "button", id: `layer-${layer}`, "aria-pressed": String(model.view.layer === layer), onclick: () => change({ layer }) }, tell(`layer_${layer}`)))),
      exportsOf(model));
  }

  function drawLegend(painted: Painted, model: Model): void {
    const breaks = painted.layer === "hexes" ? painted.hexBreaks : painted.breaks;
    const entries: (readonly [step: string, text: string])[] = painted.layer === "kinds"
      ? ["basic", "full_service", "special"].map((kind) => [`kind-${kind}`, named("kind", kind)] as const)
      : [["ramp-0", breaks.length ? tell("less_than", number(breaks[0]!)) : "0"] as const,
        ...breaks.map((value, at) => [`ramp-${stepOf(value, breaks)}`,
          at === breaks.length - 1 ? tell("at_least", number(value)) : tell("between", number(value), number(breaks[at + 1]!))] as const),
        ...(model.staff ? [] : [["ramp-hidden", tell("hidden")] as const])];
    legend.replaceChildren(
      h("p", { class: "weak" }, painted.layer === "kinds" ? "" : told("of", model.view.of), " ", model.place.partLevel ? tell("map_under") : ""),
      h("ul", { class: "legend-list" }, entries.map(([step, text]) => h("li", null, h("span", { class: `swatch ${step}` }), text))));
    legend.dataset["steps"] = String(RAMP_STEPS);
  }

  return {
    root, banners, stage, draw, drawNothing, drawLegend, asking,
    tellMap: (text) => {
      mapState.textContent = text;
      mapState.hidden = text === "";
    },
    focusTitle: () => document.getElementById("found")?.focus({ preventScroll: true }),
  };
}

function topOf(model: Model, { change, open }: Acts): HTMLElement[] {
  const { place, view } = model;
  const path = [...place.above].reverse();
  const filters = filtersView(model, change);
  if (model.focus.code !== place.code) {
    filters?.append(h("button", { type: "button", class: "primary", "data-enter": model.focus.code, onclick: () => open(model.focus, place.partLevel!) },
      tell("open_part", model.focus.name)));
  }
  return [
    h("nav", { class: "path", "aria-label": tell("path") }, h("ol", null,
      path.map((area) => h("li", null, h("a", { href: "#", "data-up": area.code, onclick: (event: Event) => {
        event.preventDefault();
        open(area, area.level);
      } }, data(area.name)))),
      h("li", { "aria-current": "page" }, data(place.name)))),
    h("div", { class: "title" },
      h("h1", { id: "found", tabindex: -1 }, data(place.name), " ", h("small", { class: "code" }, `${told("level", place.level)} ${place.code}`)),
      h("p", { class: "mode" }, modeOf(model), model.staff ? null : h("small", { class: "weak" }, " ", tell("hidden_help")))),
    h("div", { class: "segments", role: "group", "aria-label": tell("count_what") }, SUBJECTS.map((of) =>
      h("button", { type: "button", id: `of-${of}`, "aria-pressed": String(view.of === of), onclick: () => change({ of }) }, told("of", of)))),
    ...(filters ? [filters] : []),
  ];
}

/** What can be taken along: the map's counts as a picture or a table, and a frame for other pages. */
function exportsOf(model: Model): HTMLElement {
  const { view, place, staff, city } = model;
  const by = view.layer === "hexes" && city ? hexesOf(city, place, staff) : { by: place.partLevel ?? "cell" };
  const query = heatmapQuery(view, place, staff, by);
  const link = (f: string, more: Record<string, string> = {}): string => `v1/heatmap?${new URLSearchParams({ ...query, ...more, f })}`;
  const root = new URL(".", location.href);
  const { weekdays: _weekdays, hours: _hours, bbox: _bbox, ...counted } = query;
  const frame = new URLSearchParams({ style: view.layer === "hexes" ? "heat" : view.layer === "kinds" ? "light" : "choropleth", ...counted, area: place.code, language: language() });
  const snippet = `<iframe src="${root.href}embed?${frame}" width="800" height="500"></iframe>`;
  const code = h("textarea", { readonly: true, rows: 4, id: "snippet", "aria-label": tell("embed") });
  code.value = snippet;
  const copy = h("button", { type: "button", onclick: () => {
    code.select();
    void navigator.clipboard?.writeText(snippet).then(() => (copy.textContent = tell("copied")));
  } }, tell("copy"));
  return h("details", { class: "exports" }, h("summary", null, tell("export_as")),
    h("ul", null,
      h("li", null, h("a", { href: link("png", { width: PICTURE_WIDTH, lang: language() }), download: true, "data-export": "png" }, tell("export_png"))),
      h("li", null, h("a", { href: link("csv"), download: true, "data-export": "csv" }, tell("export_csv"))),
      h("li", null, h("a", { href: link("xlsx"), download: true, "data-export": "xlsx" }, tell("export_xlsx")))),
    h("label", { for: "snippet" }, tell("embed")), code, copy);
}

/** Draws anew; whoever had the focus inside keeps it, if it is still there. */
function keepingFocus(within: HTMLElement, drawing: () => void): void {
  const had = document.activeElement;
  const inside = had instanceof HTMLElement && within.contains(had) ? had : null;
  const name = inside && nameOf(inside);
  drawing();
  if (name && !inside.isConnected) within.querySelector<HTMLElement>(name)?.focus({ preventScroll: true });
}

function nameOf(element: HTMLElement): string | null {
  if (element.id) return `#${CSS.escape(element.id)}`;
  for (const each of ["data-key", "data-open", "data-up"]) {
    const value = element.getAttribute(each);
    if (value !== null) return `${element.tagName}[${each}="${CSS.escape(value)}"]`;
  }
  const label = element.getAttribute("aria-label");
  return label === null ? null : `${element.tagName}[aria-label="${CSS.escape(label)}"]`;
}
