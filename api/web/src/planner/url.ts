// What the planner's desk shows, as the part of its address behind the #: a draft, or the grid's history, and where.

export interface Place {
  readonly draft: string;
  readonly tab: string;
  /** Codes of the chosen cells. */
  readonly cells: string;
  readonly revision: string;
  /** The token of a public notice. */
  readonly notice: string;
  /** Longitude, latitude and zoom of the map. */
  readonly map: string;
}

export const NOWHERE: Place = { draft: "", tab: "", cells: "", revision: "", notice: "", map: "" };

const NAMES = Object.keys(NOWHERE) as (keyof Place)[];

export function readPlannerPlace(hash: string): Place {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  return Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""])) as unknown as Place;
}

export function writePlannerPlace(place: Place): string {
  const given = NAMES.filter((name) => place[name]).map((name) => `${name}=${encodeURIComponent(place[name]).replaceAll("%2C", ",")}`);
  return given.length ? `#${given.join("&")}` : "";
}
