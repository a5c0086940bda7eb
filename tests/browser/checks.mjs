// A small runner: named checks one after the other, with the time each took; counts at the end.

/** How long a page may take to show something, in ms. Generous: it costs time only where something is wrong. */
export const PATIENCE_MS = 60_000;

/** Without these no other check can run. */
const ALWAYS = /start|complete minute/;

export class Checks {
  passed = 0;
  failed = 0;
  browser = null;
  /** How a page's context is closed. */
  close = (context) => context.close();

  /** `only`: part of the names of the checks that run; null for all. */
  constructor(place, only = null) {
    this.place = place;
    this.only = only;
  }

  async check(name, body) {
    if (this.only !== null && !ALWAYS.test(name) && !name.includes(this.only)) return;
    const started = performance.now();
    const took = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
    try {
      await body();
      this.passed += 1;
      console.log(`ok    ${this.place}: ${name}, ${took()}`);
    } catch (error) {
      this.failed += 1;
      const why = String(error.message ?? error).split('\n').join('\n      ');
      console.log(`FAIL  ${this.place}: ${name}, ${took()}\n      ${why}`);
    } finally {
      // A check that failed leaves its page open, which would ask on and slow down what follows.
      await Promise.all((this.browser?.contexts() ?? []).map((context) => this.close(context)));
    }
  }
}

export function equal(actual, expected, what) {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`${what}: ${a}, expected ${e}`);
}

export function near(actual, expected, share, what) {
  if (!(Math.abs(actual - expected) <= Math.abs(expected) * share)) {
    throw new Error(`${what}: ${actual}, expected ${expected} within ${share * 100} %`);
  }
}

export function ok(condition, what) {
  if (!condition) throw new Error(what);
}

/** Waits until `probe` gives something true, and answers it. */
export async function eventually(probe, what, timeoutMs = PATIENCE_MS) {
  const end = Date.now() + timeoutMs;
  let last;
  for (;;) {
    last = await probe();
    if (last) return last;
    if (Date.now() > end) throw new Error(`${what}: still not after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Every panel of the page shows the answer to its question. */
export const settled = (page) =>
  eventually(async () => (await page.locator('[aria-busy="true"]').count()) === 0, 'all panels have answers');

/** Waits for `count` further answers to what `test` picks: time as the page counts it. */
export async function answers(page, test, count) {
  let left = count;
  const seen = (response) => {
    if (test(response)) left -= 1;
  };
  page.on('response', seen);
  try {
    await eventually(() => left <= 0, `${count} more answers`);
  } finally {
    page.off('response', seen);
  }
}

export const isQuery = (response) => response.url().endsWith('/druid/v2');
export const isJob = (response) => /\/api\/v1\/jobs\/[^/]+$/.test(response.url());
