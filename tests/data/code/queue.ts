// queue.ts - sample for tests.
export function push(value: string): void;
export function push(value: number): void;
/** Append a value to the end of the queue. */
export function push(value: any): void {
  store.push(value);
}

export abstract class Queue<T> {
  protected abstract take(): T;

  constructor(private readonly size: number) {}

  /** Remove everything and tell how much it was. */
  @logged
  @timed({ unit: "ms" })
  public clear(): number {
    const n = this.size;
    return n;
  }

  peek = (at: number): T | undefined => {
    return this.values[at];
  };
}

namespace util {
  export const twice = (n: number): number => 2 * n;
}

interface Sink {
  write(text: string): void;
}

declare function outside(x: number): number;
