// The planner's frame: the panel, and the map with its tools and hint. Made once; what is in it changes.
import { h } from "../dom";
import { say } from "../language";
import { tell } from "./language";

export interface PlannerParts {
  readonly root: HTMLElement;
  readonly banners: HTMLElement;
  readonly panel: HTMLElement;
  readonly tools: HTMLElement;
  readonly hint: HTMLElement;
  readonly stage: HTMLElement;
  /** The grid before, beside the one after: for the swipe. */
  readonly earlier: HTMLElement;
  readonly swipe: HTMLElement;
  readonly mapState: HTMLElement;
  readonly key: HTMLElement;
  readonly said: HTMLElement;
  readonly dialog: HTMLDialogElement;
  translate(): void;
}

export function plannerView(): PlannerParts {
  const banners = h("div", { class: "banners" }), panel = h("div", { class: "content" });
  const side = h("section", { class: "panel" }, banners, panel);
  const tools = h("div", { class: "tools", role: "toolbar" }), hint = h("div", { class: "hint", hidden: true });
  const stage = h("div", { class: "map-stage", "aria-busy": "true" }), earlier = h("div", { class: "map-stage earlier", hidden: true });
  const swipe = h("div", { class: "swipe", hidden: true }), mapState = h("p", { class: "map-state", role: "status", hidden: true });
  const key = h("div", { class: "legend", hidden: true }), said = h("p", { class: "hidden", role: "status", "aria-live": "polite" });
  const map = h("section", { class: "map" }, stage, earlier, swipe, h("div", { class: "over" }, tools, hint), mapState, key);
  const dialog = h("dialog", { class: "confirm" });
  const root = h("div", { class: "desk planner" }, side, map, dialog, said);

  function translate(): void {
    side.setAttribute("aria-label", say("desk_planner"));
    map.setAttribute("aria-label", say("map"));
    tools.setAttribute("aria-label", tell("tools"));
  }

  return { root, banners, panel, tools, hint, stage, earlier, swipe, mapState, key, said, dialog, translate };
}

/** What the colours over the grid mean. */
export function legendView(): HTMLElement {
  return h("details", { id: "legend" }, h("summary", null, say("legend")), (["fresh", "changed", "old", "chosen", "wrong"] as const).map((each) =>
    h("p", null, h("span", { class: `swatch ${each}` }), tell(`legend_${each}`))));
}
