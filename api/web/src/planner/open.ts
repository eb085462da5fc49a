// A draft that is open: what the service says of it, and what is measured of it as it is now.
import type { Certificate, Change, Draft, Impact, PlannerApi, WholeDraft } from "./api";
import { Refused } from "../service";

export class OpenDraft {
  whole: WholeDraft | null = null;
  change: Change | null = null;
  impact: Impact | null = null;
  certificate: Certificate | null = null;
  /** The other drafts, to compare with. */
  others: readonly Draft[] = [];
  measuring = false;
  checking = false;
  /** Why there is no impact or no certificate. */
  problem: unknown = null;
  private stop = new AbortController();

  constructor(readonly number: number, private readonly api: PlannerApi) {}

  async read(): Promise<void> {
    [this.whole, this.change] = await Promise.all([this.api.draft(this.number), this.api.change(this.number)]);
    this.api.drafts().then(({ drafts }) => (this.others = drafts)).catch(() => undefined);
  }

  /** The impact first, since it is looked at while one draws, then the certificate; a later draft ends an earlier measure. */
  async measure(changed: () => void): Promise<void> {
    this.stop.abort();
    const mine = (this.stop = new AbortController());
    this.measuring = this.checking = true;
    this.problem = null;
    changed();
    try {
      this.impact = await this.api.impact(this.number, mine.signal);
    } catch (error) {
      if (mine.signal.aborted) return;
      this.problem = error;
    }
    this.measuring = false;
    changed();
    if (this.isOver || this.isEmpty || this.problem) {
      this.certificate = null;
    } else {
      try {
        this.certificate = await this.api.certificate(this.number, mine.signal);
      } catch (error) {
        if (mine.signal.aborted) return;
        this.certificate = null;
        this.problem = error;
      }
    }
    this.checking = false;
    changed();
  }

  close(): void {
    this.stop.abort();
  }

  get isOver(): boolean {
    return this.whole?.state === "published" || this.whole?.state === "discarded";
  }

  /** What changes nothing has nothing to check. */
  get isEmpty(): boolean {
    const { impact } = this;
    return impact !== null && !impact.ended.length && !impact.new.length && !impact.changed.length;
  }

  get codes(): ReadonlySet<string> {
    return new Set(this.change?.after.features.map((each) => each.properties.code));
  }

  /** Whether somebody draws on it. */
  mayDraw(role: string, id: string): boolean {
    const draft = this.whole;
    return role === "planner" && draft !== null && (draft.state === "open" || draft.state === "returned") && (draft.owner === id || draft.shared_with.includes(id));
  }
}

/** Only what the service refused is shown; everything else is a defect of the page. */
export function refused(error: unknown): Refused {
  if (error instanceof Refused) return error;
  throw error;
}
