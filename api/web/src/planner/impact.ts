// What a draft does: the cells, the five principles beside each other before and after, what moves where, and posts.
import { data, h } from "../dom";
import { bars, counted, difference, figure, figureName, number } from "./figures";
import { named } from "../language";
import { tell, told } from "./language";
import type { Change, Finding, Flow, Impact, Offence } from "./api";

export interface ImpactParts {
  readonly impact: Impact | null;
  readonly change: Change | null;
  readonly measuring: boolean;
  readonly cells: ReadonlySet<string>;
  readonly all: boolean;
  readonly lit: string;
  readonly toCell: (code: string) => void;
  /** Sends a post elsewhere; null: the draft is only looked at. */
  readonly sendPost: ((post: string, to: string) => void) | null;
  /** Shows the places of one principle on the map, or no longer. */
  readonly light: (key: string) => void;
  readonly showAll: (all: boolean) => void;
}

// The figure that stands for each principle; the others are one click away.
const HEADLINES: Readonly<Record<string, string>> = {
  territory: "crossing_cells", streets: "share_15_m", size: "share_in_band", seamless: "gap_m2", fixed: "jaccard",
};

const AGAINST_AN_OUTLINE = ["gap_m2", "spill_m2"];

/** The places of a principle: those in the draft's own cells, or all that the service tells. */
export function offencesOf(finding: Finding, cells: ReadonlySet<string>, all: boolean): readonly Offence[] {
  return all ? finding.offenders : finding.offenders.filter((each) => cells.has(String(each.properties["cell"] ?? "")));
}

export function impactView(parts: ImpactParts): HTMLElement {
  const { impact, measuring } = parts;
  if (impact === null) return h("p", { class: "asking", role: "status" }, tell("measuring_first"));
  const nothing = !impact.ended.length && !impact.new.length && !impact.changed.length;
  return h("div", { class: measuring ? "impact stale" : "impact", "aria-busy": measuring ? "true" : null, "data-version": impact.version },
    measuring ? h("p", { class: "measuring", role: "status" }, tell("measuring")) : null,
    nothing ? h("p", { class: "empty" }, tell("changes_nothing")) : changes(parts, impact),
    h("h3", null, tell("principles")), h("p", { class: "weak" }, tell("principles_help")),
    h("ul", { class: "principles" }, impact.principles.map((each) => principle(parts, each))),
    h("label", { class: "check" }, h("input", { type: "checkbox", id: "all-places", checked: parts.all, onchange: (event: Event) => parts.showAll((event.target as HTMLInputElement).checked) }),
      " ", tell("all_places")),
    nothing ? null : moves(impact), nothing ? null : workload(parts, impact), posts(parts, impact), downstream(impact));
}

function changes({ toCell, change }: ImpactParts, impact: Impact): HTMLElement {
  const row = (word: "ended" | "new" | "changed", codes: readonly string[], there: boolean): HTMLElement | null => codes.length === 0 ? null
    : h("p", { class: `codes ${word}` }, h("b", null, tell(`cells_${word}`, codes.length)), " ",
      codes.slice(0, 40).map((code) => [there ? h("button", { type: "button", class: "link code", onclick: () => toCell(code) }, code) : h("span", { class: "code" }, code), " "]),
      codes.length > 40 ? tell("and_more", codes.length - 40) : null);
  return h("section", { class: "changes" }, row("ended", impact.ended, false), row("new", impact.new, true), row("changed", impact.changed, true),
    change?.areas_drawn.length ? h("p", { class: "codes" }, h("b", null, tell("areas_drawn")), " ", change.areas_drawn.map((each) => [data(each.name), " ", h("span", { class: "code weak" }, each.code), " "])) : null,
    change?.areas_ended.length ? h("p", { class: "codes" }, h("b", null, tell("areas_ended")), " ", h("span", { class: "code" }, change.areas_ended.join(" "))) : null,
    impact.touched.length ? h("p", { class: "weak" }, tell("cells_touched", impact.touched.length)) : null);
}

export function principle({ cells, all, lit, light }: Pick<ImpactParts, "cells" | "all" | "lit" | "light">, finding: Finding): HTMLElement {
  const name = HEADLINES[finding.key] ?? Object.keys(finding.after)[0] ?? "";
  const before = comparable(finding, name) ? finding.before[name] : undefined, after = finding.after[name];
  const measured = typeof after === "number" || typeof before === "number";
  const places = offencesOf(finding, cells, all).length;
  const verdict = finding.passes_after === null ? "" : finding.passes_after ? "holds" : "broken";
  return h("li", { class: `principle ${verdict}`, "data-key": finding.key },
    h("h4", null, told("principle", finding.key), verdict ? h("span", { class: `verdict ${verdict}` }, tell(verdict as "holds")) : null),
    measured ? h("p", { class: "headline" }, h("span", { class: "weak" }, figureName(name)), " ",
      h("span", { class: "figure was" }, before === null || before === undefined ? "–" : figure(name, before)), " → ", h("b", { class: "figure" }, after === null || after === undefined ? "–" : figure(name, after)), " ",
      h("span", { class: "delta" }, comparable(finding, name) ? difference(name, before, after) : tell("against_the_base"))) : h("p", { class: "headline weak" }, tell("not_measured")),
    finding.not_measured && !measured ? h("p", { class: "weak" }, named("unmeasured", finding.key)) : null,
    places ? h("button", { type: "button", id: `light-${finding.key}`, class: "link", "aria-pressed": lit === finding.key ? "true" : "false", onclick: () => light(finding.key) },
      tell(lit === finding.key ? "hide_places" : "show_places", places)) : null,
    Object.keys(finding.after).length > 1 ? h("details", { id: `figures-${finding.key}` }, h("summary", null, tell("all_figures")), table(finding)) : null);
}

/** Gaps of the whole city are measured against its outline, those of a draft against the grid before: these are no two figures of one kind. */
function comparable({ before, after }: Finding, name: string): boolean {
  return !AGAINST_AN_OUTLINE.includes(name) || before["outline"] === after["outline"];
}

function table(finding: Finding): HTMLElement {
  const names = [...new Set([...Object.keys(finding.before), ...Object.keys(finding.after)])];
  return h("table", null, h("thead", null, h("tr", null, h("th", { scope: "col" }, tell("figure")), h("th", { scope: "col" }, tell("before")), h("th", { scope: "col" }, tell("after")))),
    h("tbody", null, names.map((name) => h("tr", null, h("th", { scope: "row" }, figureName(name)),
      h("td", null, comparable(finding, name) ? figure(name, finding.before[name]) : "–"), h("td", null, figure(name, finding.after[name]))))));
}

function moves(impact: Impact): HTMLElement {
  return h("section", null, h("h3", null, tell("moves")), h("p", { class: "weak" }, tell("moves_help")),
    h("table", { class: "moves" }, h("tbody", null, Object.entries(impact.moved).map(([what, count]) =>
      h("tr", null, h("th", { scope: "row" }, told("class", what)), h("td", null, counted(count)))))),
    impact.buildings.cut === null && impact.buildings.near === null ? null
      : h("p", null, impact.buildings.cut !== null ? tell("buildings_cut", impact.buildings.cut) : tell("buildings_near", impact.buildings.near ?? 0, number(impact.buildings.near_m))),
    h("details", null, h("summary", null, tell("from_where_to_where")), Object.entries(impact.flows).map(([what, flows]) => flowTable(what, flows))),
    impact.hidden ? h("p", { class: "weak" }, tell("hidden_rows", impact.hidden)) : null);
}

function flowTable(what: string, flows: readonly Flow[]): HTMLElement | null {
  const other = flows.filter((each) => each.before !== each.after);
  return other.length === 0 ? null : h("table", null, h("caption", null, told("class", what)), h("tbody", null, other.slice(0, 60).map((each) =>
    h("tr", null, h("th", { scope: "row" }, h("span", { class: "code" }, each.before || tell("no_cell")), " → ", h("span", { class: "code" }, each.after || tell("no_cell"))), h("td", null, counted(each.count))))));
}

function workload({ toCell }: ImpactParts, impact: Impact): HTMLElement | null {
  if (impact.workload.length === 0) return null;
  const largest = Math.max(...impact.workload.flatMap((each) => [each.before ?? 0, each.after ?? 0]));
  const said = (value: number | null): string => (value === null ? "–" : number(value, 1));
  return h("section", null, h("h3", null, tell("workload")), h("p", { class: "weak" }, tell("workload_help", impact.formula)),
    h("table", { class: "workload" }, h("thead", { class: "hidden-head" }, h("tr", null, h("th", { scope: "col" }, tell("cell")), h("th", { scope: "col" }, tell("compare")), h("th", { scope: "col" }, tell("before_after")))),
      h("tbody", null, impact.workload.slice(0, 40).map((each) => h("tr", null,
        h("th", { scope: "row" }, h("button", { type: "button", class: "link code", onclick: () => toCell(each.cell) }, each.cell)),
        h("td", null, bars(each.before, each.after, largest)), h("td", { class: "figure" }, `${said(each.before)} → ${said(each.after)}`))))));
}

function posts({ toCell, sendPost }: ImpactParts, impact: Impact): HTMLElement | null {
  return impact.posts.length === 0 ? null : h("section", null, h("h3", null, tell("posts", impact.posts.length)), h("ul", { class: "posts" }, impact.posts.slice(0, 60).map((each) =>
    h("li", null, data(each.title), " ", h("span", { class: "weak code" }, each.cell), " → ",
      h("button", { type: "button", class: "link code", onclick: () => toCell(each.successor) }, each.successor), " ", h("span", { class: "weak" }, tell("shifts", each.shifts)),
      sendPost && impact.ended.includes(each.cell) ? h("select", { id: `post-${each.code}`, "aria-label": tell("send_post", each.title), onchange: (event: Event) => sendPost(each.code, (event.target as HTMLSelectElement).value) },
        [...impact.new, ...impact.changed].map((code) => h("option", { value: code, selected: code === each.successor }, code))) : null))));
}

function downstream({ downstream: { overlays, released_periods: periods } }: Impact): HTMLElement | null {
  return overlays.length + periods.length === 0 ? null : h("section", null, h("h3", null, tell("downstream")),
    overlays.length ? h("p", null, tell("overlays", overlays.join(" · "))) : null,
    periods.length ? h("p", null, tell("releases", periods.join(" · "))) : null);
}
