/** Lets work run side by side, and suspicious work alone. */
export class Turns {
  readonly #running = new Set<Promise<unknown>>();
  /** Work that must run alone, one piece after the other. */
  #alone: Promise<unknown> = Promise.resolve();

  /** Runs alongside other work, once nothing runs alone. */
  async together<Value>(work: () => Promise<Value>): Promise<Value> {
    for (let seen: unknown; seen !== this.#alone; ) {
      seen = this.#alone;
      await this.#alone;
    }
    return this.#track(work());
  }

  /** Runs once all running work has ended, and before anything else starts. */
  alone<Value>(work: () => Promise<Value>): Promise<Value> {
    const before = this.#alone;
    const done = (async () => {
      await before;
      await Promise.allSettled(this.#running);
      return this.#track(work());
    })();
    this.#alone = done.catch(() => {});
    return done;
  }

  async #track<Value>(work: Promise<Value>): Promise<Value> {
    this.#running.add(work);
    try {
      return await work;
    } finally {
      this.#running.delete(work);
    }
  }
}
