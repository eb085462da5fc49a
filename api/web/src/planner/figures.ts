// Numbers of the planner's desk as people read them. What the service hides stays hidden, and is never 0.
import { locale } from "../language";
import { tell, told } from "./language";
import type { Figure } from "./api";
import { h } from "../dom";

export function number(value: number, decimals = 0): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: decimals }).format(value);
}

export function percent(value: number, decimals = 2): string {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: decimals }).format(value);
}

/** A figure by its name: shares as percentages, areas in square metres, the rest as it is. */
export function figure(name: string, value: Figure | undefined): string {
  if (value === null || value === undefined) return tell("hidden_or_not");
  if (typeof value === "string") return value;
  if (/share|jaccard|nest$/.test(name)) return percent(value, 3);
  if (name.endsWith("_m2")) return `${number(value, 2)} m²`;
  if (name.endsWith("_km")) return `${number(value, 2)} km`;
  return number(value, 3);
}

/** A change with its sign, of a share in percentage points. */
export function difference(name: string, before: Figure | undefined, after: Figure | undefined): string {
  if (typeof before !== "number" || typeof after !== "number") return "";
  const share = /share|jaccard|nest$/.test(name);
  const by = (after - before) * (share ? 100 : 1);
  if (Math.abs(by) < 5e-4) return tell("no_change");
  const sign = new Intl.NumberFormat(locale(), { maximumFractionDigits: 3, signDisplay: "exceptZero" }).format(by);
  return share ? tell("points", sign) : sign;
}

export function counted(value: number | null): HTMLElement {
  return value === null ? h("span", { class: "weak", title: tell("hidden_help") }, tell("hidden")) : h("b", { class: "figure" }, number(value, 1));
}

/** Two bars from one zero, before and after. */
export function bars(before: number | null, after: number | null, largest: number): HTMLElement {
  const bar = (value: number | null, when: string): HTMLElement => {
    const made = h("span", { class: `bar ${when}` });
    made.style.width = value === null || largest <= 0 ? "0" : `${Math.max(1, (100 * value) / largest)}%`;
    return made;
  };
  return h("span", { class: "bars", "aria-hidden": "true" }, bar(before, "was"), bar(after, "is"));
}

export function figureName(name: string): string {
  return told("figure", name);
}
