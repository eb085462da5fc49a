// The cockpit's cards: each draws itself anew from what is known; what is not known yet says so.
import type { Category, City, Me, Principle, Principles, ReleaseListed, Roster, Staffing } from "../api";
import { barList, number, percent, trendChart, weekChart, type Picking } from "./charts";
import type { Age, Counted, InGrid, Part, Place } from "./data";
import type { View } from "./url";
import { tell, told } from "./words";
import { data, h } from "../dom";
import { fullMoment, label, moment, telephone } from "../format";
import { locale, named } from "../language";
import { problemOf } from "../problem_view";

/** What was asked for: not there yet, there, or refused. */
export type Known<T> = { readonly kind: "asking" } | { readonly kind: "there"; readonly value: T } | { readonly kind: "problem"; readonly error: unknown };

export const ASKING = { kind: "asking" } as const;

/** All that the page knows of its place. */
export interface Model {
  readonly view: View;
  readonly city: City | null;
  readonly me: Me | null;
  readonly place: Place;
  /** What the charts are of: the place, or the part that was picked. */
  readonly focus: { readonly code: string; readonly name: string; readonly level: string; readonly kinds: Readonly<Record<string, number>>; readonly cells: number };
  readonly roster: Known<Roster>;
  readonly releases: readonly ReleaseListed[];
  readonly staff: boolean;
  readonly staffing: Known<Staffing>;
  readonly parts: Known<Counted | null>;
  readonly trend: Known<Counted | null>;
  readonly week: Known<Counted | null>;
  readonly categories: Known<Counted | null>;
  readonly inGrid: Known<InGrid>;
  readonly principles: Known<Principles>;
  readonly names: readonly Category[];
  readonly elementNames: readonly Category[];
}

export type Change = (change: Partial<View>) => void;

const KINDS = ["basic", "full_service", "special"];
const CLASSES = ["person", "place", "object", "organization"];

function figure(name: string, text: string): HTMLElement {
  return h("span", { class: /\d/.test(text) ? "figure" : "figure none", "data-figure": name }, text);
}

function ageOf(age: Age): HTMLElement {
  const text = age.kind === "live" ? tell("age_live", moment(age.at), age.version) : tell("age_release", age.period, age.revision);
  return h("p", { class: "age" }, text);
}

function card(id: string, title: string, ...children: readonly (HTMLElement | null | readonly (HTMLElement | null)[])[]): HTMLElement {
  return h("section", { class: `card ${id}`, "aria-labelledby": `title-${id}` }, h("h2", { id: `title-${id}` }, title), children);
}

function whenThere<T>(known: Known<T>, draw: (value: T) => readonly (HTMLElement | null)[]): readonly (HTMLElement | null)[] {
  if (known.kind === "asking") return [h("p", { class: "weak asking", "data-asking": true }, tell("loading"))];
  return known.kind === "problem" ? [problemOf(known.error)] : draw(known.value);
}

export function cellsCard({ focus, place }: Model): HTMLElement {
  const split = h("div", { class: "split", "aria-hidden": "true" }, KINDS.map((kind) => {
    const part = h("span", { class: `kind-${kind}` });
    part.style.flexGrow = String(focus.kinds[kind] ?? 0);
    return part;
  }));
  return card("cells", tell("cells"), h("p", { class: "large" }, figure("cells", number(focus.cells))), split,
    h("ul", { class: "legend-list" }, KINDS.map((kind) => h("li", null, h("span", { class: `swatch kind-${kind}` }), named("kind", kind), " ",
      figure(`cells.${kind}`, number(focus.kinds[kind] ?? 0))))),
    h("p", { class: "age" }, tell("age_grid", place.revision)));
}

export function staffingCard({ staffing }: Model): HTMLElement {
  return card("staffing", tell("staffing"), whenThere(staffing, (found) => [
    h("p", { class: found.gaps ? "large bad" : "large" }, figure("gaps", number(found.gaps)), h("span", { class: "of" }, tell("posts_of", number(found.posts)))),
    h("p", null, tell("cells_without_post"), ": ", figure("cells_without_post", number(found.cells_without_post))),
    found.gaps === 0 ? h("p", { class: "weak" }, tell("all_there")) : h("details", null, h("summary", null, tell("nobody_there")),
      h("ul", null, found.unfilled.slice(0, 20).map((gap) => h("li", null, data(gap.title), " ", h("span", { class: "code weak" }, gap.territory)))),
      found.gaps > 20 ? h("p", { class: "weak" }, tell("and_more", found.gaps - 20)) : null),
    h("p", { class: "age" }, tell("age_now", moment(found.as_of))),
  ]));
}

export function incidentsCard(model: Model): HTMLElement {
  const { roster } = model;
  if (roster.kind !== "there") return card("incidents", tell("open_incidents"), whenThere(roster, () => []));
  const { counts, released, open_incidents: open, as_of: at, revision } = roster.value;
  if (counts === "staff") {
    return card("incidents", tell("open_incidents"), h("p", { class: "large" }, figure("open_incidents", number(open))),
      h("p", { class: "age" }, tell("age_roster", moment(at), revision)));
  }
  if (!released) return card("incidents", tell("open_incidents"), h("p", { class: "weak" }, tell("mode_none")));
  const count = released.counts["incidents"];
  return card("incidents", tell("incidents_of_month", released.period),
    h("p", { class: "large" }, figure("incidents", count === undefined ? tell("not_measured") : number(count))),
    count === null ? h("p", { class: "weak" }, tell("hidden_choose")) : null,
    h("p", { class: "weak" }, `${tell("open_incidents")}: ${tell("for_staff")}`),
    ageOf({ kind: "release", period: released.period, revision: released.revision }));
}

export function elementsCard({ roster }: Model): HTMLElement {
  return card("elements", tell("elements"), whenThere(roster, ({ elements, released, as_of: at, revision }) => {
    const counts = elements ?? released?.counts ?? null;
    if (counts === null) return [h("p", { class: "weak" }, tell("mode_none"))];
    const said = (each: string): string => each in counts ? number(counts[each] ?? null) : elements ? number(0) : tell("not_measured");
    return [
      h("dl", { class: "pairs" }, CLASSES.map((each) => [h("dt", null, told("of", each)), h("dd", null, figure(`elements.${each}`, said(each)))])),
      released ? ageOf({ kind: "release", period: released.period, revision: released.revision }) : h("p", { class: "age" }, tell("age_roster", moment(at), revision)),
    ];
  }));
}

export function inGridCard({ inGrid }: Model): HTMLElement {
  return card("in-grid", tell("in_grid"), whenThere(inGrid, (found) => [
    h("dl", { class: "pairs" }, found.shares.map(({ what, all, inside }) => [
      h("dt", null, tell(`in_grid_${what}`)),
      h("dd", null, figure(`in_grid.${what}`, all === 0 ? tell("not_measured") : percent(all === null || inside === null ? null : inside / all)),
        all === null ? null : h("small", { class: "weak" }, ` ${number(inside)} / ${number(all)}`))])),
    found.age ? ageOf(found.age) : null,
  ]));
}

export function trendCard(model: Model, change: Change): HTMLElement {
  const picking: Picking = { selected: model.view.month, pick: (month) => change({ month: month === model.view.month ? "" : month }) };
  return card("trend", tell("trend"), whenThere(model.trend, (found) => found === null || found.rows.length === 0 ? [h("p", { class: "weak" }, tell("none"))]
    : [h("p", { class: "weak" }, tell("trend_help")), trendChart(tell("trend"), found.rows.slice(-24), picking), ageOf(found.age)]));
}

export function weekCard(model: Model, change: Change): HTMLElement {
  const { weekday, hour } = model.view;
  const selected = weekday && hour ? String((Number(weekday) - 1) * 24 + Number(hour)) : "";
  const picking: Picking = {
    selected, pick: (key) => change(key === selected ? { weekday: "", hour: "" } : { weekday: String(Math.floor(Number(key) / 24) + 1), hour: String(Number(key) % 24) }),
  };
  if (!model.staff) return card("week", tell("week"), h("p", { class: "weak" }, tell("week_public")));
  return card("week", tell("week"), whenThere(model.week, (found) => found === null ? [h("p", { class: "weak" }, tell("none"))]
    : [h("p", { class: "weak" }, tell("week_help")), weekChart(tell("week"), found.rows, picking), ageOf(found.age)]));
}

export function categoriesCard(model: Model, change: Change): HTMLElement {
  const ofIncidents = model.view.of === "incidents";
  const title = tell(ofIncidents ? "categories" : "elements_by_category");
  const picking: Picking = { selected: model.view.category, pick: (category) => change({ category: category === model.view.category ? "" : category }) };
  const names = new Map([...model.elementNames, ...model.names].map((each) => [each.code, label(each.label, each.label_en)]));
  return card("categories", title, whenThere(model.categories, (found) => found === null
    ? [h("p", { class: "weak" }, tell(ofIncidents ? "mode_none" : "categories_public"))]
    : [h("p", { class: "weak" }, ofIncidents ? tell("categories_help") : ""), barList(title, found.rows, (code) => names.get(code) ?? code, picking), ageOf(found.age)]));
}

export function partsCard(model: Model, open: (part: Part, level: string) => void, change: Change): HTMLElement | null {
  const { place, parts, staffing, view } = model;
  const level = place.partLevel;
  if (level === null) return null;
  const counts = new Map(parts.kind === "there" ? parts.value?.rows : []);
  const staffed = new Map(staffing.kind === "there" && staffing.value.code === place.code ? staffing.value.rows.map((row) => [row.code, row]) : []);
  const title = told("parts", level);
  const sorted = [...place.parts].sort((a, b) => (counts.get(b.code) ?? -1) - (counts.get(a.code) ?? -1) || a.code.localeCompare(b.code));
  const shownCount = (code: string): string => counts.has(code) ? number(counts.get(code) ?? null) : parts.kind === "asking" ? "…" : tell("hidden");
  return card("parts", `${title} (${place.parts.length})`, h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": title },
    h("table", { class: "parts-table" },
      h("thead", null, h("tr", null, [tell("name"), level === "cell" ? tell("kind") : tell("cells"), tell("gaps"), told("of", view.of)].map((each) => h("th", { scope: "col" }, each)),
        h("th", { scope: "col" }, h("span", { class: "hidden" }, tell("only", ""))))),
      h("tbody", null, sorted.map((part) => h("tr", { class: part.code === view.pick ? "picked" : "" },
        h("th", { scope: "row" }, h("a", { href: "#", "data-open": part.code, onclick: (event: Event) => {
          event.preventDefault();
          open(part, level);
        } }, data(part.name))),
        h("td", { class: level === "cell" ? "" : "number" }, level === "cell" ? named("kind", Object.keys(part.kinds)[0] ?? "") : figure(`part.${part.code}.cells`, number(part.cells))),
        h("td", { class: "number" }, figure(`part.${part.code}.gaps`, staffed.has(part.code) ? number(staffed.get(part.code)!.gaps) : "…")),
        h("td", { class: "number" }, figure(`part.${part.code}.count`, shownCount(part.code))),
        h("td", null, h("button", {
          type: "button", class: "link", "aria-pressed": String(part.code === view.pick), "aria-label": tell("only", part.name),
          onclick: () => change({ pick: part.code === view.pick ? "" : part.code }),
        }, tell("only_short")))))))),
  parts.kind === "there" && parts.value ? ageOf(parts.value.age) : parts.kind === "problem" ? problemOf(parts.error) : null);
}

export function postsCard({ roster, focus, place }: Model): HTMLElement {
  return card("posts", `${tell("posts")} · ${told("level", focus.level)}`,
    place.services.length && focus.code === place.code ? h("p", null, tell("services", place.services.join("、"))) : null,
    whenThere(roster, ({ posts, as_of: at }) => [
      posts.length === 0 ? h("p", { class: "weak" }, tell("none")) : h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": tell("posts") }, h("table", null,
        h("thead", null, h("tr", null, [tell("post"), tell("on_duty"), tell("phone")].map((each) => h("th", { scope: "col" }, each)))),
        h("tbody", null, posts.map((post) => h("tr", null,
          h("th", { scope: "row" }, data(post.title)),
          h("td", null, post.on_duty.length ? data(post.on_duty.map((turn) => turn.holder).join("、")) : tell("nobody")),
          h("td", null, h("a", { class: "phone", href: telephone(post.phone) }, post.phone))))))),
      h("p", { class: "age" }, tell("age_now", moment(at))),
    ]));
}

/** The figure that stands for each principle, and those beside it. */
const MAIN: Readonly<Record<string, readonly string[]>> = {
  territory: ["least_nest", "nested_cells"], streets: ["share_15_m", "random_share_15_m"], size: ["share_in_band", "compactness_mean"],
  seamless: ["overlap_m2", "gap_m2", "spill_m2"], fixed: ["jaccard", "area_share_that_changed_cell", "changes_per_cell_12_months"],
};

export function principlesCard({ principles }: Model): HTMLElement {
  if (principles.kind === "asking") return card("principles", tell("principles"), h("p", { class: "weak", "data-asking": true }, tell("measuring")));
  return card("principles", tell("principles"), whenThere(principles, (found) => [
    h("div", { class: "five" }, found.principles.map(principleView)),
    h("p", { class: "age" }, tell("measured", found.revision, fullMoment(found.measured_at))),
  ]));
}

function principleView(found: Principle): HTMLElement {
  const said = (name: string): string => {
    if (found.staff_only.includes(name) && !(name in found.figures)) return tell("for_staff");
    const value = found.figures[name];
    if (value === undefined || value === null) return tell("not_measured");
    if (typeof value === "string") return value;
    return /share|jaccard|nest$/.test(name) ? `${(value * 100).toLocaleString(locale(), { maximumFractionDigits: 2 })} %` : value.toLocaleString(locale(), { maximumFractionDigits: 3 });
  };
  const rest = Object.keys(found.figures).filter((name) => !MAIN[found.key]?.includes(name));
  return h("article", { class: "principle", "data-principle": found.key },
    h("h3", null, told("principle", found.key)),
    found.passes === null ? null : h("p", { class: found.passes ? "pass" : "fail" }, tell(found.passes ? "passes" : "fails")),
    h("dl", { class: "pairs" }, (MAIN[found.key] ?? []).map((name) => [h("dt", null, told("figure", name)),
      h("dd", null, figure(`principle.${found.key}.${name}`, said(name)))])),
    found.not_measured ? h("p", { class: "weak" }, tell("not_measured"), ": ", named("unmeasured", found.key)) : null,
    found.offenders ? h("p", { class: "weak" }, tell("offenders", number(found.offenders))) : null,
    rest.length ? h("details", null, h("summary", null, tell("figures")),
      h("dl", { class: "pairs" }, rest.map((name) => [h("dt", { class: "code" }, name), h("dd", null, said(name))]))) : null);
}

/** The active filters, each with a way to remove it. */
export function filtersView(model: Model, change: Change): HTMLElement | null {
  const { view, focus, place } = model;
  const names = new Map(model.names.map((each) => [each.code, label(each.label, each.label_en)]));
  const chips: [string, Partial<View>][] = [
    ...(view.pick && focus.code !== place.code ? [[tell("only", focus.name), { pick: "" }] as [string, Partial<View>]] : []),
    ...(view.category ? [[names.get(view.category) ?? view.category, { category: "" }] as [string, Partial<View>]] : []),
    ...(view.month ? [[view.month, { month: "" }] as [string, Partial<View>]] : []),
    ...(view.weekday ? [[`${told("day", view.weekday)} ${view.hour ? tell("hour_span", view.hour, Number(view.hour) + 1) : ""}`, { weekday: "", hour: "" }] as [string, Partial<View>]] : []),
  ];
  if (chips.length === 0) return null;
  return h("div", { class: "chips", role: "group", "aria-label": tell("filters") }, chips.map(([text, without]) =>
    h("button", { type: "button", class: "chip", "aria-label": tell("filter_off", text), onclick: () => change(without) }, data(text), " ✕")),
  chips.length > 1 ? h("button", { type: "button", class: "link", onclick: () => change({ pick: "", category: "", month: "", weekday: "", hour: "" }) }, tell("all_off")) : null);
}

/** Whose counts are shown. */
export function modeOf({ staff, releases }: Model): string {
  if (staff) return tell("mode_staff");
  return releases[0] ? tell("mode_released", releases[0].period) : tell("mode_none");
}
