// Light or dark: as the system is, until the switch says otherwise.
import { choose, chosen } from "./kept_choice";

export type Theme = "light" | "dark";

const system = matchMedia("(prefers-color-scheme: dark)");
let choice: Theme | null = chosen("theme", ["light", "dark"] as const);

export function theme(): Theme {
  return choice ?? (system.matches ? "dark" : "light");
}

/** Shows a theme from now on, and keeps no choice of it: what an address asks for. */
export function useTheme(wanted: Theme): void {
  choice = wanted;
  showTheme();
}

export function showTheme(): void {
  document.documentElement.dataset["theme"] = theme();
}

/** Changes to the other theme; back to what the system has, it follows the system again. */
export function switchTheme(): void {
  const wanted = theme() === "dark" ? "light" : "dark";
  choice = wanted === (system.matches ? "dark" : "light") ? null : wanted;
  choose("theme", choice);
  showTheme();
}

/** Calls `changed` when the system changes and the page follows it. */
export function followTheme(changed: () => void): void {
  system.addEventListener("change", () => {
    if (choice !== null) return;
    showTheme();
    changed();
  });
}
