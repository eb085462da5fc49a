// A pair of coordinates whose system nobody said: each that it may be in, with the place it would be.
import type { Cell } from "../api";
import { data, h } from "../dom";
import { place } from "../format";
import { named, say } from "../language";
import { wgs84From } from "../shifts";

export interface CrsChoice {
  readonly crs: string;
  readonly lon: number;
  readonly lat: number;
  readonly cell: Cell | null;
  readonly notes: readonly string[];
  readonly pick: () => void;
}

export function chooseView(choices: readonly CrsChoice[]): HTMLElement {
  return h("article", { class: "answer" },
    h("h2", { id: "found", tabindex: -1 }, say("which_crs")),
    h("p", null, say("which_crs_help")),
    choices[0]?.notes.map((note) => h("p", { class: "note" }, note)),
    h("ul", { class: "choices" }, choices.map((each) => h("li", null,
      h("button", { type: "button", class: "candidate", onclick: each.pick },
        h("b", null, crsName(each.crs)),
        h("small", null, each.cell ? [data(each.cell.name), ` ${each.cell.code}`] : say("outside"), ` · ${place(each.lon, each.lat)}`))))));
}

export function crsName(crs: string): string {
  return named("crs", crs.toLowerCase());
}

/** lon, lat in WGS 84 of a pair in another system; null for one that only the service can convert. */
export function otherPlace(crs: string, lon: number, lat: number): [lon: number, lat: number] | null {
  if (crs === "wgs84" || crs === "cgcs2000") return [lon, lat];
  if (crs !== "gcj02" && crs !== "bd09") return null;
  const [x, y] = wgs84From(crs, [lon, lat]);
  return [x, y];
}
