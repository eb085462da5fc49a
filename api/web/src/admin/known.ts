// What was asked of the service: not there yet, there, or a problem. Of several questions the last one counts.

export class Known<T> {
  value: T | null = null;
  problem: unknown = null;
  asking = false;
  private turn = 0;

  constructor(private readonly changed: () => void) {}

  /** Asks; what was there stays until the answer is, unless it is of something else. */
  async ask(question: () => Promise<T>, keeps = true): Promise<void> {
    const turn = ++this.turn;
    if (!keeps) this.value = null;
    this.problem = null;
    this.asking = true;
    this.changed();
    try {
      const value = await question();
      if (turn !== this.turn) return;
      this.value = value;
    } catch (error) {
      if (turn !== this.turn) return;
      this.problem = error;
    }
    this.asking = false;
    this.changed();
  }

  forget(): void {
    this.turn++;
    this.value = null;
    this.problem = null;
    this.asking = false;
  }
}
