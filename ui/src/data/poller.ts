// One question asked again and again: at most one request in flight, no question while the page is hidden, slower
// when the server is slow or gone.

export interface Loaded<T> {
  data: T | null;
  error: Error | null;
  /** When `data` came, in ms; 0 before the first answer. */
  at: number;
  /** `data` answers an earlier question (other filters); the new answer is on its way. */
  stale: boolean;
}

export const nothingYet = { data: null, error: null, at: 0, stale: false };

const PERIOD_MS = 1000;
const LONGEST_WAIT_MS = 8000;

/** The pause after an answer: a question a second, but never more than a third of the time spent asking. */
export function pauseAfter(tookMs: number, failures: number, periodMs = PERIOD_MS): number {
  if (failures > 0) return Math.min(LONGEST_WAIT_MS, periodMs * 2 ** (failures - 1));
  return Math.max(periodMs - tookMs, 2 * tookMs, 0);
}

export class Poller<T> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly abort = new AbortController();
  private failures = 0;
  private state: Loaded<T>;

  constructor(
    private readonly task: (signal: AbortSignal) => Promise<T>,
    private readonly changed: (state: Loaded<T>) => void,
    previous: Loaded<T>,
    private readonly periodMs = PERIOD_MS,
  ) {
    this.state = { ...previous, stale: previous.data !== null };
  }

  start(): void {
    document.addEventListener('visibilitychange', this.wake);
    void this.ask();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.wake);
    clearTimeout(this.timer);
    this.timer = undefined;
    this.abort.abort();
  }

  private readonly wake = (): void => {
    if (document.hidden || this.timer === undefined) return;
    clearTimeout(this.timer);
    void this.ask();
  };

  private async ask(): Promise<void> {
    this.timer = undefined;
    const started = performance.now();
    try {
      const data = await this.task(this.abort.signal);
      this.failures = 0;
      this.state = { data, error: null, at: Date.now(), stale: false };
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.failures += 1;
      this.state = { ...this.state, error: error instanceof Error ? error : new Error(String(error)) };
    }
    if (this.abort.signal.aborted) return;
    this.changed(this.state);
    const pause = pauseAfter(performance.now() - started, this.failures, this.periodMs);
    this.timer = setTimeout(() => {
      if (!document.hidden) void this.ask();
    }, pause);
  }
}
