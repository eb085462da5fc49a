// What the desk shows, as the part of its address behind the #: it can be sent to a colleague, and no server sees it.

export interface Shown {
  /** As typed: an address, a code; or coordinates whose system is still to be chosen. */
  readonly text: string;
  readonly district: string;
  readonly lon: string;
  readonly lat: string;
  readonly crs: string;
  /** A time of the city's clocks; empty: now. */
  readonly at: string;
  readonly category: string;
}

export const NOTHING: Shown = { text: "", district: "", lon: "", lat: "", crs: "", at: "", category: "" };

const NAMES = Object.keys(NOTHING) as (keyof Shown)[];

export function readPlace(hash: string): Shown {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  return Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""])) as unknown as Shown;
}

export function writePlace(shown: Shown): string {
  const given = new URLSearchParams();
  for (const name of NAMES) if (shown[name]) given.set(name, shown[name]);
  return given.size ? `#${given}` : "";
}
