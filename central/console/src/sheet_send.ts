// Sends what a reviewer says in small bundles: nothing is lost when the centre is away for a moment, the same sent twice counts once.
import { NoConnection, post } from "./acts";

export interface Said { page: string; ok: boolean | null; code?: string; reason?: string }

const GATHER_MS = 250;
const AGAIN_MS = 3000;
const BUNDLE = 100;

export class Sending {
  private waiting = new Map<string, Said>();
  private timer = 0;
  private busy = false;

  /** `taken` gets the centre's answer, `refused` the words of a refusal, `count` how many are not with the centre yet. */
  constructor(private url: string, private on: { taken: (answer: unknown) => void; refused: (words: string) => void; count: (n: number) => void }) {
    window.addEventListener("pagehide", () => { if (this.waiting.size) void post(this.url, { reviews: this.bundle() }, true).catch(() => undefined); });
  }

  get size(): number { return this.waiting.size; }

  add(said: Said): void {
    this.waiting.set(said.page, said);
    this.on.count(this.waiting.size);
    this.later(GATHER_MS);
  }

  /** Resolves when all is with the centre, or after a few seconds without it. */
  async idle(): Promise<void> {
    for (let tries = 0; tries < 50 && (this.waiting.size || this.busy); tries++) {
      if (!this.busy) await this.send();
      if (this.waiting.size || this.busy) await new Promise((resolve) => window.setTimeout(resolve, 100));
    }
  }

  private bundle(): Said[] { return [...this.waiting.values()].slice(0, BUNDLE); }

  private later(ms: number): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.send(), ms);
  }

  private async send(): Promise<void> {
    if (this.busy || this.waiting.size === 0) return;
    this.busy = true;
    const reviews = this.bundle();
    try {
      const answer = await post(this.url, { reviews });
      for (const one of reviews) if (this.waiting.get(one.page) === one) this.waiting.delete(one.page);
      this.on.taken(answer);
      if (this.waiting.size) this.later(0);
    } catch (error) {
      if (error instanceof NoConnection) this.later(AGAIN_MS);
      else {
        for (const one of reviews) this.waiting.delete(one.page);
        this.on.refused((error as Error).message);
      }
    } finally {
      this.busy = false;
      this.on.count(this.waiting.size);
    }
  }
}
