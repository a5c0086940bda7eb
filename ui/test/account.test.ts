import { describe, expect, it } from 'vitest';
import type { JobNode } from '../src/api/job';
import { DifferenceWatch, sourceAccount, stepAccount } from '../src/model/account';

const node = (some: Partial<JobNode>): JobNode => ({
  id: 1, step: 's', role: 'filter', parallelism: 1, rows_in: 0, rows_out: 0, rows_per_second: 0, filtered: 0,
  absorbed: 0, late: 0, rejected: 0, held: 0, busy: 0, blocked: 0, idle: 1, watermark: null, state_keys: 0,
  state_bytes: 0, ...some,
});

describe('row account', () => {
  it('adds up for a filter', () => {
    const account = stepAccount(node({ rows_in: 10, rows_out: 6, filtered: 3, rejected: 1 }));
    expect(account).toMatchObject({ difference: 0, passed: 6, results: 0 });
  });

  it('does not take the results of a window for rows passed on', () => {
    const account = stepAccount(node({ role: 'window', rows_in: 100, absorbed: 90, late: 4, held: 6, rows_out: 12 }));
    expect(account).toMatchObject({ difference: 0, passed: null, results: 12 });
  });

  it('finds lost and invented rows', () => {
    expect(stepAccount(node({ rows_in: 10, rows_out: 9 })).difference).toBe(1);
    expect(stepAccount(node({ rows_in: 10, rows_out: 11 })).difference).toBe(-1);
    const source = { source: 'rides', polled: 10, decoded: 7, rejected: 1, bytes: 0, lag: 0, partitions: [] };
    expect(sourceAccount(source).difference).toBe(2);
  });
});

describe('differences', () => {
  it('count when they last, and no more than what lasted', () => {
    const watch = new DifferenceWatch();
    expect([5, 9, 4, 7].map((d) => watch.settle('a', d))).toEqual([0, 0, 4, 4]);
    expect(watch.settle('a', 0)).toBe(0);
  });

  it('do not count when they swing, and are kept apart by key', () => {
    const watch = new DifferenceWatch();
    expect([5, -5, 5, -5].map((d) => watch.settle('a', d))).toEqual([0, 0, 0, 0]);
    expect([-2, -2, -3].map((d) => watch.settle('b', d))).toEqual([0, 0, -2]);
  });
});
