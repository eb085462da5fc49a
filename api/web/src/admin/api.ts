// What the admin's desk asks, and of the answers what it uses; a test holds these types against the API's description.
import type { Api, Me, Turn } from "../api";

export interface NamedRole {
  readonly role: string;
  readonly zh: string;
  readonly gives: readonly string[];
}

export interface Named {
  readonly en: string;
  readonly zh: string;
}

export interface NamedBound extends Named {
  readonly bound: string;
}

export interface Right extends Named {
  readonly action: string;
  readonly data: Named & { readonly data: string };
  readonly scope: string;
  readonly bounds: Readonly<Record<string, string>>;
}

export interface Roles {
  readonly roles: readonly NamedRole[];
  readonly bounds: readonly NamedBound[];
  readonly rights: readonly Right[];
}

export interface Key {
  readonly id: string;
  readonly holder: string;
  readonly role: string;
  readonly territories: readonly string[];
  readonly scopes: readonly string[];
  readonly origins: readonly string[];
  readonly label: string;
  readonly state: "valid" | "expired" | "revoked";
  readonly created_by: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly revoked_by: string | null;
  readonly last_used_on: string | null;
}

export interface GivenKey extends Key {
  readonly key: string;
}

export interface Keys {
  readonly keys: readonly Key[];
}

export interface NewKey {
  readonly holder: string;
  readonly role: string;
  readonly label: string;
  readonly territories: readonly string[];
  readonly scopes: readonly string[];
  readonly origins: readonly string[];
  readonly expires_at: string | null;
}

export interface LoadCounts {
  readonly rows: number;
  readonly placed: number;
  readonly outside: number;
  readonly rejected: number;
  readonly inserted: number;
  readonly updated: number;
  readonly moved: number;
  readonly unchanged: number;
  readonly duplicates: number;
}

export interface Load {
  readonly id: number;
  readonly what: string;
  readonly source: string;
  readonly file: string;
  readonly actor: string;
  readonly started_at: string;
  readonly counts: LoadCounts;
}

export interface Loads {
  readonly loads: readonly Load[];
  readonly next: number | null;
}

export interface RejectedRow {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
  readonly columns: Readonly<Record<string, string>>;
}

export interface RejectedRows {
  readonly load: number;
  readonly rows: readonly RejectedRow[];
  readonly more: boolean;
}

export interface Post {
  readonly code: string;
  readonly kind: string;
  readonly title: string;
  readonly level: string;
  readonly territory: string;
  readonly phone: string;
  readonly required: string;
  readonly department: string | null;
}

export interface Posts {
  readonly posts: readonly Post[];
  readonly next: string | null;
}

export interface Shift {
  readonly id?: number | null;
  readonly holder: string;
  readonly holder_code: string | null;
  readonly backup: string | null;
  readonly backup_code: string | null;
  readonly hours: string;
  readonly valid_from: string;
  readonly valid_until: string | null;
  readonly verified_at: string | null;
}

export interface Shifts {
  readonly post: string;
  readonly shifts: readonly Shift[];
}

export interface NewShift {
  readonly post: string;
  readonly holder: Holder | null;
  readonly backup: Holder | null;
  readonly hours: string;
  readonly valid_from: string;
  readonly valid_until: string | null;
}

export interface Exception {
  readonly id: number;
  readonly kind: string;
  readonly begins: string;
  readonly ends: string;
  readonly holder: string | null;
  readonly substitute: string | null;
}

export interface Exceptions {
  readonly post: string;
  readonly exceptions: readonly Exception[];
}

export interface RosterNow {
  readonly as_of: string;
  readonly posts: readonly { readonly code: string; readonly on_duty: readonly Turn[]; readonly gap: boolean }[];
}

export interface Holder {
  readonly code: string;
  readonly display_name: string;
}

export interface NewException {
  readonly post: string;
  readonly kind: string;
  readonly begins: string;
  readonly ends: string;
  readonly holder: Holder | null;
  readonly substitute: Holder | null;
}

export interface AuditEntry {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly role: string;
  readonly territories: readonly string[];
  readonly action: string;
  readonly purpose: string | null;
  readonly read: Readonly<Record<string, unknown>> | null;
  readonly changes: readonly Readonly<Record<string, unknown>>[] | null;
  readonly refused: string | null;
  readonly refs: readonly string[];
  readonly origin: readonly string[];
}

export interface Audit {
  readonly entries: readonly AuditEntry[];
  readonly next: number | null;
}

type Query = Readonly<Record<string, string | number | null>>;

const AT_ONCE = 1000;

/** The questions and changes of the desk, each by its name. */
export class AdminApi {
  constructor(readonly api: Api, private readonly me: () => Me | null) {}

  roles = (): Promise<Roles> => this.api.get("v1/roles");
  keys = (): Promise<Keys> => this.api.get("v1/keys");
  loads = (before: number | null): Promise<Loads> => this.api.get("v1/loads", { before, limit: 50 });
  load = (id: string): Promise<Load> => this.api.get(`v1/loads/${encodeURIComponent(id)}`);
  posts = (territory: string): Promise<Posts> => this.api.get("v1/posts", { territory });
  shifts = (post: string): Promise<Shifts> => this.api.get("v1/shifts", { post });
  exceptions = (post: string): Promise<Exceptions> => this.api.get("v1/shift-exceptions", { post });
  audit = (query: Query): Promise<Audit> => this.api.get("v1/audit", { limit: 50, ...query });

  giveKey(key: NewKey): Promise<GivenKey> {
    return this.api.send("v1/keys", key, this.me());
  }

  revoke(id: string): Promise<Key> {
    return this.api.send(`v1/keys/${encodeURIComponent(id)}/revoke`, {}, this.me());
  }

  roster(level: string, code: string, at: string | null): Promise<RosterNow> {
    return this.api.get(`v1/${level === "cell" ? "cells" : "areas"}/${encodeURIComponent(code)}/roster`, { at });
  }

  except(exception: NewException): Promise<unknown> {
    return this.api.send("v1/shift-exceptions", exception, this.me());
  }

  withdraw(id: number): Promise<unknown> {
    return this.api.send(`v1/shift-exceptions/${id}`, undefined, this.me(), "DELETE");
  }

  addShift(shift: NewShift): Promise<unknown> {
    return this.api.send("v1/shifts", shift, this.me());
  }

  endShift(id: number): Promise<unknown> {
    return this.api.send(`v1/shifts/${id}`, undefined, this.me(), "DELETE");
  }

  /** Rejected rows after one, or from the first. */
  rejected(load: string, after: RejectedRow | null, limit = 100): Promise<RejectedRows> {
    const from: Query = after ? { after_file: after.file, after_line: after.line } : {};
    return this.api.get(`v1/loads/${encodeURIComponent(load)}/rejected`, { ...from, limit });
  }

  /** All of them, a thousand at a time. */
  async allRejected(load: string): Promise<readonly RejectedRow[]> {
    const rows: RejectedRow[] = [];
    for (let more = true; more; ) {
      const found = await this.rejected(load, rows.at(-1) ?? null, AT_ONCE);
      rows.push(...found.rows);
      more = found.more && found.rows.length > 0;
    }
    return rows;
  }
}
