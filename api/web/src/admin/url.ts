// What the admin's desk shows, as the part of its address behind the #: it can be sent to a colleague, and no server
// sees it. A person's reference that the trace is searched for never stands there.

export interface Place {
  readonly tab: string;
  /** Of keys: which are listed, and what for. */
  readonly state: string;
  readonly find: string;
  /** Of the table of roles: the one that is looked at. */
  readonly role: string;
  readonly load: string;
  /** Of rosters: a territory, and whether its code is a cell's. */
  readonly area: string;
  readonly level: string;
  /** Of the trace. */
  readonly by: string;
  readonly action: string;
  readonly since: string;
  readonly until: string;
  readonly before: string;
}

export const NOWHERE: Place = {
  tab: "", state: "", find: "", role: "", load: "", area: "", level: "", by: "", action: "", since: "", until: "", before: "",
};

const NAMES = Object.keys(NOWHERE) as (keyof Place)[];

export function readAdminPlace(hash: string): Place {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  return Object.fromEntries(NAMES.map((name) => [name, given.get(name) ?? ""])) as unknown as Place;
}

export function writeAdminPlace(place: Place): string {
  const given = new URLSearchParams();
  for (const name of NAMES) if (place[name]) given.set(name, place[name]);
  return given.size ? `#${given}` : "";
}
