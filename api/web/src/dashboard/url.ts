// What the cockpit shows, as the part of its address behind the #: it can be sent to a colleague.

export interface View {
  /** The area or cell; empty: the whole city. */
  readonly area: string;
  /** `cell` where `area` is a cell; else empty. */
  readonly level: string;
  /** One of the areas or cells within it, that the charts are of; empty: all of it. */
  readonly pick: string;
  /** What is counted on the map and in the charts: incidents, or a class of elements. */
  readonly of: string;
  readonly category: string;
  /** A month, such as 2026-10. */
  readonly month: string;
  /** 1 is Monday. */
  readonly weekday: string;
  readonly hour: string;
  /** How the map shows it: areas, hexes, kinds. */
  readonly layer: string;
}

export const WHOLE_CITY: View = { area: "", level: "", pick: "", of: "incidents", category: "", month: "", weekday: "", hour: "", layer: "areas" };

const NAMES = Object.keys(WHOLE_CITY) as (keyof View)[];
const ALLOWED: Partial<Record<keyof View, RegExp>> = {
  of: /^(incidents|person|place|object|organization)$/, month: /^\d{4}-(0[1-9]|1[0-2])$/, weekday: /^[1-7]$/,
  hour: /^([0-9]|1[0-9]|2[0-3])$/, layer: /^(areas|hexes|kinds)$/, level: /^cell$/,
};

/** The view that an address names; what it cannot be is left out. */
export function readView(hash: string): View {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const view: Record<string, string> = { ...WHOLE_CITY };
  for (const name of NAMES) {
    const value = given.get(name);
    if (value && (ALLOWED[name]?.test(value) ?? true)) view[name] = value;
  }
  return settled(view as unknown as View);
}

export function writeView(view: View): string {
  const given = new URLSearchParams();
  for (const name of NAMES) if (view[name] !== WHOLE_CITY[name]) given.set(name, view[name]);
  return given.size ? `#${given}` : "";
}

/** Elements are there or not: they have neither times nor, here, categories. */
export function settled(view: View): View {
  return view.of === "incidents" ? view : { ...view, category: "", month: "", weekday: "", hour: "" };
}

/** The times of a view as the service takes them. */
export function timesOf(view: View): Record<string, string> {
  const hour = Number(view.hour);
  return {
    ...(view.month ? { period: view.month } : {}), ...(view.weekday ? { weekdays: view.weekday } : {}),
    ...(view.hour ? { hours: `${hour}-${hour + 1}` } : {}),
  };
}
