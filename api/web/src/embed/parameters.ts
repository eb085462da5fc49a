// What the address of the page asks for, checked: a wrong value is said, not guessed at.

export type Language = "zh" | "en";

export interface Parameters {
  readonly style: string;
  readonly language: Language;
  readonly theme: "light" | "dark";
  /** Code of an area or cell to fit and outline; empty: the whole city. */
  readonly area: string;
  /** Layers to show, by the names of their tiles; empty: all. */
  readonly layers: readonly string[];
  readonly key: string;
  /** The grid of one revision or time; empty: the current one, followed. */
  readonly revision: string;
  readonly at: string;
  /** What is handed on to the style as it is: counts, crs, base map. */
  readonly rest: URLSearchParams;
}

const STYLES = ["light", "dark", "choropleth", "heat"];
const HANDED_ON = [
  "of", "by", "resolution", "measure", "class", "category", "from", "to", "period", "breaks", "crs", "base_map",
];

/** A parameter with a value that it cannot have. */
export class WrongParameter extends Error {
  constructor(readonly parameter: string, readonly value: string, readonly allowed: readonly string[]) {
    super(`${parameter}=${value}: ${allowed.join(", ")}`);
  }
}

function oneOf<T extends string>(given: URLSearchParams, name: string, allowed: readonly T[], otherwise: T): T {
  const value = given.get(name);
  if (value === null || value === "") return otherwise;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new WrongParameter(name, value, allowed);
  return found;
}

export function readParameters(search: string, preferred: { language: string; dark: boolean }): Parameters {
  const given = new URLSearchParams(search);
  const theme = oneOf(given, "theme", ["light", "dark"] as const, preferred.dark ? "dark" : "light");
  const rest = new URLSearchParams();
  for (const name of HANDED_ON) {
    const value = given.get(name);
    if (value) rest.set(name, value);
  }
  return {
    style: oneOf(given, "style", STYLES, theme),
    language: oneOf(given, "language", ["zh", "en"] as const, preferred.language.startsWith("zh") ? "zh" : "en"),
    theme,
    area: given.get("area") ?? "",
    layers: (given.get("layer") ?? "").split(",").filter((each) => each !== ""),
    key: given.get("key") ?? "",
    revision: given.get("revision") ?? "",
    at: given.get("at") ?? "",
    rest,
  };
}
