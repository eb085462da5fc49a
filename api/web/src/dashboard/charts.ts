// Small charts, drawn by hand as SVG; behind each stands its table, which the keyboard can pick from, too.
import { tell, told } from "./words";
import { h } from "../dom";
import { locale } from "../language";

const NAMESPACE = "http://www.w3.org/2000/svg";
export const RAMP_STEPS = 6;

export type Row = readonly [key: string, count: number | null];

export interface Picking {
  readonly selected: string;
  readonly pick: (key: string) => void;
}

function s(tag: string, attributes: Readonly<Record<string, string | number>>, ...children: readonly (Node | string)[]): SVGElement {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** A count as people read it: hidden ones say so. */
export function number(count: number | null): string {
  return count === null ? tell("hidden") : count.toLocaleString(locale());
}

export function percent(share: number | null): string {
  return share === null ? tell("hidden") : share.toLocaleString(locale(), { style: "percent", maximumFractionDigits: 2 });
}

/** Where colours begin, so that about as many rows have each; the smallest first, none twice. */
export function breaksOf(counts: readonly (number | null)[]): number[] {
  const sorted = counts.filter((each): each is number => each !== null && each > 0).sort((a, b) => a - b);
  const breaks = new Set<number>();
  for (let step = 0; step < RAMP_STEPS; step++) {
    const value = sorted[Math.floor((step * sorted.length) / RAMP_STEPS)];
    if (value !== undefined) breaks.add(step === 0 ? Math.min(value, sorted[0]!) : rounded(value));
  }
  return [...breaks].sort((a, b) => a - b).slice(0, RAMP_STEPS);
}

function rounded(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.round(value / unit) * unit;
}

/** The colour's place in the ramp, 1 to 6; 0: none of it. */
export function stepOf(count: number, breaks: readonly number[]): number {
  const at = breaks.filter((each) => count >= each).length;
  return at === 0 || breaks.length < 2 ? Math.min(at, 1) * RAMP_STEPS : 1 + Math.round(((at - 1) * (RAMP_STEPS - 1)) / (breaks.length - 1));
}

function table(caption: string, head: readonly string[], rows: readonly HTMLElement[], name: string): HTMLElement {
  return h("details", { class: "table", "data-table": name }, h("summary", null, tell("table")),
    h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
      h("table", null, h("caption", { class: "hidden" }, caption), h("thead", null, h("tr", null, head.map((each) => h("th", { scope: "col" }, each)))),
        h("tbody", null, rows))));
}

function pickButton(text: string, key: string, { selected, pick }: Picking, label: string = text): HTMLElement {
  return h("button", { type: "button", class: "link", "aria-pressed": String(selected === key), "aria-label": label, onclick: () => pick(key) }, text);
}

/** Bars side by side, one for each month. */
export function trendChart(title: string, rows: readonly Row[], picking: Picking): HTMLElement {
  const width = 560, height = 230, foot = 18, top = 14;
  const most = Math.max(1, ...rows.map(([, count]) => count ?? 0));
  const step = width / Math.max(rows.length, 1);
  const bars = rows.flatMap(([key, count], at) => {
    const tall = ((count ?? 0) / most) * (height - foot - top);
    const x = at * step + step * 0.12, wide = step * 0.76;
    const shown = count === null ? s("text", { x: x + wide / 2, y: height - foot - 4, class: "hidden-mark" }, "＊")
      : s("rect", { x, y: height - foot - tall, width: wide, height: Math.max(tall, 1), rx: 2, class: "bar" });
    const target = s("rect", { x: at * step, y: 0, width: step, height, class: "target" }, s("title", {}, `${key}: ${number(count)}`));
    target.addEventListener("click", () => picking.pick(key));
    const group = s("g", { class: picking.selected === key ? "one selected" : "one", "data-key": key }, shown);
    if (rows.length <= 14 || at % Math.ceil(rows.length / 12) === 0) {
      group.append(s("text", { x: x + wide / 2, y: height - 5, class: "tick" }, key.slice(key.endsWith("-01") || at === 0 ? 2 : 5)));
    }
    group.append(target);
    return [group];
  });
  const label = `${title}: ${rows.map(([key, count]) => `${key} ${number(count)}`).join(", ")}`;
  const picture = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "trend", role: "img", "aria-label": label },
    s("line", { x1: 0, x2: width, y1: height - foot, y2: height - foot, class: "axis" }),
    s("text", { x: 2, y: 10, class: "most" }, number(most)), ...bars);
  const body = rows.map(([key, count]) =>
    h("tr", null, h("th", { scope: "row" }, pickButton(key, key, picking)), h("td", { class: "figure", "data-figure": `month.${key}` }, number(count))));
  return h("div", { class: "chart" }, picture, table(title, [tell("month"), tell("count")], body, "trend"));
}

/** Seven days of 24 hours; a key is the hour of the week, 0 is Monday's first. */
export function weekChart(title: string, rows: readonly Row[], picking: Picking): HTMLElement {
  const size = 22, left = 44, top = 16, counts = new Map(rows);
  const breaks = breaksOf(rows.map(([, count]) => count));
  const squares = rows.map(([key, count]) => {
    const [day, hour] = [Math.floor(Number(key) / 24), Number(key) % 24];
    const step = count === null ? 0 : stepOf(count, breaks);
    const square = s("rect", {
      x: left + hour * size, y: top + day * size, width: size - 2, height: size - 2, rx: 3, "data-key": key,
      class: `ramp-${step}${picking.selected === key ? " selected" : ""}`,
    }, s("title", {}, `${told("day", String(day + 1))} ${tell("hour_span", hour, hour + 1)}: ${number(count)}`));
    square.addEventListener("click", () => picking.pick(key));
    return square;
  });
  const days = [0, 1, 2, 3, 4, 5, 6].map((day) => s("text", { x: left - 6, y: top + day * size + 15, class: "day" }, told("day", String(day + 1))));
  const hours = [0, 3, 6, 9, 12, 15, 18, 21].map((hour) => s("text", { x: left + hour * size + size / 2 - 1, y: 11, class: "tick" }, String(hour)));
  const picture = s("svg", { viewBox: `0 0 ${left + 24 * size} ${top + 7 * size}`, class: "week", role: "img", "aria-label": title }, ...days, ...hours, ...squares);
  const body = Array.from({ length: 7 }, (_, day) => h("tr", null, h("th", { scope: "row" }, told("day", String(day + 1))),
    Array.from({ length: 24 }, (_, hour) => {
      const key = String(day * 24 + hour), label = `${told("day", String(day + 1))} ${tell("hour_span", hour, hour + 1)}: ${number(counts.get(key) ?? 0)}`;
      return h("td", { class: "figure", "data-figure": `week.${key}` }, pickButton(number(counts.get(key) ?? 0), key, picking, label));
    })));
  return h("div", { class: "chart" }, picture,
    table(title, [tell("weekday"), ...Array.from({ length: 24 }, (_, hour) => String(hour))], body, "week"));
}

/** Bars below each other, the longest first; each is a button. */
export function barList(title: string, rows: readonly Row[], nameOf: (key: string) => string, picking: Picking, most = 8): HTMLElement {
  const sorted = [...rows].sort((a, b) => (b[1] ?? -1) - (a[1] ?? -1));
  const longest = Math.max(1, ...rows.map(([, count]) => count ?? 0));
  const line = ([key, count]: Row): HTMLElement => {
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${((count ?? 0) / longest) * 100}%`;
    return h("li", null, h("button", {
      type: "button", class: "bar-line", "data-key": key, "aria-pressed": String(picking.selected === key), onclick: () => picking.pick(key),
    }, h("span", { class: "bar-name" }, nameOf(key)), h("span", { class: "track" }, bar),
    h("span", { class: "figure", "data-figure": `category.${key}` }, number(count))));
  };
  const rest = sorted.slice(most);
  return h("div", { class: "chart" }, h("ul", { class: "bars", "aria-label": title }, sorted.slice(0, most).map(line)),
    rest.length ? h("details", { class: "table" }, h("summary", null, tell("and_more", rest.length)), h("ul", { class: "bars" }, rest.map(line))) : null);
}
