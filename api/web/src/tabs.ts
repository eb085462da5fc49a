// Leaves of one place, as tabs that arrow keys walk through.
import { h } from "./dom";

/** A button for each tab; the body has the id `tab-body`. `label` says what stands on it. */
export function tabButtons<T extends string>(
  tabs: readonly T[], current: T, label: (tab: T) => readonly (string | HTMLElement | null)[], select: (tab: T) => void,
): HTMLElement[] {
  return tabs.map((tab, i) => h("button", {
    type: "button", role: "tab", id: `tab-${tab}`, "aria-selected": tab === current ? "true" : "false", "aria-controls": "tab-body", tabindex: tab === current ? 0 : -1,
    onclick: () => select(tab),
    onkeydown: (event: KeyboardEvent) => {
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (by) select(tabs[(i + by + tabs.length) % tabs.length]!);
    },
  }, ...label(tab)));
}
