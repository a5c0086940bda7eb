import { describe, expect, it } from 'vitest';
import type { JobNode } from '../src/api/job';
import { DifferenceWatch, foldedAccounts, sourceAccount, stepAccount } from '../src/model/account';

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

describe('the account of a step', () => {
  const edge = (from: number, to: number, port = 'rows') => ({ from, to, port, exchange: false });
  const part = (id: number, step: string, role: string, some: Partial<JobNode>) => node({ id, step, role, ...some });

  it('is one line for all that the planner made of it', () => {
    const nodes = [
      part(0, 'rides', 'source', { rows_in: 100, rows_out: 100 }),
      part(1, 'minute', 'filter', { rows_in: 100, rows_out: 90, filtered: 10 }),
      part(2, 'minute', 'late_split', { rows_in: 90, rows_out: 84, late: 6 }),
      part(3, 'minute', 'pre_project', { rows_in: 84, rows_out: 83, rejected: 1 }),
      part(4, 'minute', 'window', { rows_in: 83, absorbed: 80, held: 3, rows_out: 20 }),
      part(5, 'minute', 'having', { rows_in: 20, rows_out: 15, filtered: 5 }),
      part(6, 'minute', 'late', { rows_in: 6, rows_out: 6 }),
      part(7, 'out', 'project', { rows_in: 15, rows_out: 15 }),
      part(8, 'out', 'sink', { rows_in: 15, absorbed: 15 }),
      part(9, 'late_out', 'sink', { rows_in: 6, absorbed: 6 }),
    ];
    const edges = [
      edge(0, 1), edge(1, 2), edge(2, 3), edge(3, 4), edge(4, 5), edge(2, 6, 'late'), edge(5, 7), edge(7, 8),
      edge(6, 9),
    ];
    const accounts = foldedAccounts({ nodes, edges });
    expect(accounts.map((account) => account.name)).toEqual(['minute', 'out', 'late_out']);
    expect(accounts[0]).toMatchObject({
      in: 100, passed: null, absorbed: 80, filtered: 10, late: 6, rejected: 1, held: 3, results: 15, difference: 0,
    });
    expect(accounts[0]!.parts.length).toBe(6);
    expect(accounts[1]).toMatchObject({ in: 15, passed: null, absorbed: 15, results: 0, difference: 0 });
    for (const a of accounts) {
      expect(a.in).toBe((a.passed ?? 0) + a.absorbed + a.filtered + a.late + a.rejected + a.held);
    }
  });

  it('adds up in every order of parts, whatever each does', () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
    for (let round = 0; round < 200; round += 1) {
      const nodes = [part(0, 's', 'source', { rows_out: 1000 })];
      let rows = 1000;
      const count = 1 + random(5);
      const absorbing = random(3) === 0 ? random(count) : -1;
      for (let i = 0; i < count; i += 1) {
        const lost = { filtered: random(20), late: random(9), rejected: random(9), held: random(5) };
        const left = rows - lost.filtered - lost.late - lost.rejected - lost.held;
        const absorbs = i === absorbing;
        const out = absorbs ? 300 : left;
        nodes.push(part(i + 1, 'a', 'x', { ...lost, rows_in: rows, rows_out: out, absorbed: absorbs ? left : 0 }));
        rows = out;
      }
      const edges = nodes.slice(1).map((one) => edge(one.id - 1, one.id));
      const [account] = foldedAccounts({ nodes, edges });
      const { passed, absorbed, filtered, late, rejected, held } = account!;
      expect(account!.in, `round ${round}`).toBe((passed ?? 0) + absorbed + filtered + late + rejected + held);
      expect(passed === null).toBe(absorbing >= 0);
      expect(passed ?? account!.results).toBe(rows);
    }
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
