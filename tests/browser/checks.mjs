// A small runner: named checks one after the other, counts at the end.

export class Checks {
  passed = 0;
  failed = 0;
  skipped = 0;

  constructor(place) {
    this.place = place;
  }

  async check(name, body) {
    try {
      await body();
      this.passed += 1;
      console.log(`ok    ${this.place}: ${name}`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAIL  ${this.place}: ${name}\n      ${String(error.message ?? error).split('\n').join('\n      ')}`);
    }
  }

  skip(name, why) {
    this.skipped += 1;
    console.log(`skip  ${this.place}: ${name} (${why})`);
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
export async function eventually(probe, what, timeoutMs = 15_000) {
  const end = Date.now() + timeoutMs;
  let last;
  for (;;) {
    last = await probe();
    if (last) return last;
    if (Date.now() > end) throw new Error(`${what}: still not after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
