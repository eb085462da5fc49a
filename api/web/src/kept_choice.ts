// A choice of whoever uses this browser (language, theme), kept in it and changed by a switch.

/** What was chosen, or null. Browsers that keep nothing are as good as new ones. */
export function chosen<T extends string>(name: string, allowed: readonly T[]): T | null {
  try {
    const kept = localStorage.getItem(`gridmap-${name}`);
    return allowed.find((each) => each === kept) ?? null;
  } catch {
    return null;
  }
}

export function choose(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`gridmap-${name}`);
    else localStorage.setItem(`gridmap-${name}`, value);
  } catch {
    // It holds until the page is left.
  }
}
