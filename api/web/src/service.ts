// Asks the service that the page came from; addresses are relative, so that any path of a proxy works.

/** One thing that was wrong: where, with which value, by which rule. */
export interface Fault {
  readonly where: string;
  readonly value: string;
  readonly rule: string;
}

/** An answer that is no success: what the service said, and its status (0: it could not be reached). */
export class Refused extends Error {
  constructor(readonly status: number, detail: string, readonly faults: readonly Fault[] = []) {
    super(detail);
  }
}

export class Service {
  /** Where the service lies, with a slash at its end. */
  readonly root = new URL(".", location.href);

  constructor(private readonly key: string) {}

  /** Whether whoever looks at the page is logged in. */
  async isStaff(): Promise<boolean> {
    return (await this.ask<{ role: string }>("v1/me")).role !== "public";
  }

  /** JSON from a path below the service, or from an address of its own that it named. */
  async ask<T>(path: string, signal: AbortSignal | null = null): Promise<T> {
    const url = new URL(path, this.root);
    const ours = url.origin === this.root.origin;
    const headers: HeadersInit = this.key && ours ? { Authorization: `Bearer ${this.key}` } : {};
    return answerOf<T>(url, { headers, cache: "no-cache", signal });
  }

  /** A picture from a path below the service. */
  async picture(path: string, signal: AbortSignal): Promise<Blob> {
    const headers: HeadersInit = this.key ? { Authorization: `Bearer ${this.key}` } : {};
    return (await answerTo(new URL(path, this.root), { headers, cache: "no-cache", signal })).blob();
  }

  /** Sends JSON to a path below the service, with further headers. */
  async send<T>(path: string, body: unknown, headers: Readonly<Record<string, string>>, method = "POST"): Promise<T> {
    const url = new URL(path, this.root);
    const type = { "Content-Type": "application/json" };
    return answerOf<T>(url, { method, headers: { ...type, ...headers }, body: JSON.stringify(body) });
  }
}

async function answerOf<T>(url: URL, options: RequestInit): Promise<T> {
  const response = await answerTo(url, options);
  return (response.status === 204 ? null : await response.json()) as T;
}

async function answerTo(url: URL, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused(0, url.pathname);
  }
  if (!response.ok) throw await refusedBy(response);
  return response;
}

async function refusedBy(response: Response): Promise<Refused> {
  try {
    const problem = (await response.json()) as { detail?: string; faults?: Fault[] };
    return new Refused(response.status, problem.detail ?? response.statusText, problem.faults ?? []);
  } catch {
    return new Refused(response.status, response.statusText);
  }
}
