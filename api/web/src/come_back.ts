// Who was sent an address and has to log in first comes back to it; the log-in itself does not know what stands behind
// the #.

/** Keeps what stands behind the # until whoever looks is in; then gives it back, once, when nothing else was asked for. */
export function comeBack(page: string, isIn: boolean): string | null {
  const name = `gridmap-${page}-wanted`;
  try {
    const wanted = sessionStorage.getItem(name);
    if (!isIn) {
      if (location.hash) sessionStorage.setItem(name, location.hash);
    } else if (wanted) {
      sessionStorage.removeItem(name);
      if (!location.hash) {
        history.replaceState(null, "", wanted);
        return wanted;
      }
    }
  } catch {
    // then it has to be opened again
  }
  return null;
}
