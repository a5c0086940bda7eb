import { describe, expect, it } from 'vitest';
import type { GroupByRow } from '../src/api/druid';
import type { JobEdge, JobNode } from '../src/api/job';
import { balanceOf, cityGrids, mostWanted, parseCell } from '../src/model/cells';
import { componentsOf, layersOf, layoutGraph, NODE_HEIGHT } from '../src/model/graph';
import { formatRoute, parseRoute } from '../src/model/route';
import { columns, pivot, splitSeries } from '../src/model/series';
import { stepsOf } from '../src/model/steps';
import { bucketStarts, chartSpan, RANGE_MS, RANGES } from '../src/model/time';
import { pointsTrend, relativeTrend, share } from '../src/model/trend';
import { pauseAfter } from '../src/data/poller';
import { clockOf, momentOf } from '../src/data/clock';

const at = Date.parse('2026-01-01T12:00:07Z');

describe('address', () => {
  it('brings back what it was made from', () => {
    for (const hash of ['#/live', '#/live?city=new_york&range=24h', '#/job', '#/job/a%20b?step=rides']) {
      expect(formatRoute(parseRoute(hash))).toBe(hash);
    }
    const fixed = parseRoute('#/live?at=2026-01-01T12:00:07.000Z');
    expect(fixed).toMatchObject({ page: 'live', at, range: '15m', city: null });
  });

  it('falls back to the live page and its defaults', () => {
    expect(parseRoute('#/nowhere?range=7y&at=soon')).toEqual({ page: 'live', city: null, range: '15m', at: null });
  });
});

describe('spans', () => {
  it('hold whole buckets, few enough to read', () => {
    for (const range of RANGES) {
      const span = chartSpan(range, at, 0);
      expect(span.to % span.bucket.ms).toBe(0);
      expect(span.to).toBeLessThanOrEqual(at);
      expect(span.to - span.from).toBe(RANGE_MS[range]);
      expect(bucketStarts(span).length).toBeLessThanOrEqual(75);
    }
  });

  it('shrink to young data, and never finer than asked', () => {
    const span = chartSpan('24h', at, at - 120_000);
    expect(span.to - span.from).toBe(120_000);
    expect(span.bucket.ms).toBe(5000);
    expect(chartSpan('5m', at, 0, 60_000).bucket.ms).toBe(60_000);
  });
});

describe('series', () => {
  const span = chartSpan('5m', Date.parse('2026-01-01T12:00:00Z'), 0);
  const row = (second: number, city: string, n: number): GroupByRow => ({
    version: 'v1',
    timestamp: new Date(span.from + second * 1000).toISOString(),
    event: { city, n },
  });

  it('pivots rows into one series per city with gaps filled', () => {
    const table = pivot([row(0, 'b', 2), row(10, 'a', 1), row(999, 'a', 7)], span, 'city', 'n', 0);
    expect(table.series.map((s) => s.key)).toEqual(['a', 'b']);
    expect(table.series[0]!.values.slice(0, 4)).toEqual([0, 0, 1, 0]);
    expect(table.times.length).toBe(60);
  });

  it('keeps what is not known apart from zero', () => {
    const rows = [{ timestamp: new Date(span.from).toISOString(), result: { p50: 'NaN', p90: 3 } }];
    const table = columns(rows, span, ['p50', 'p90'], null);
    expect(table.series.map((s) => s.values[0])).toEqual([null, 3]);
    expect(table.series[0]!.values[1]).toBeNull();
  });

  it('tells no ride from no data yet', () => {
    const young = { ...span, oldest: span.from + 12_000 };
    const table = pivot([row(15, 'a', 4)], young, 'city', 'n', 0);
    expect(table.series[0]!.values.slice(0, 5)).toEqual([null, null, null, 4, 0]);
    const cut = pivot([row(11, 'a', 1), row(15, 'a', 4)], young, 'city', 'n', 0);
    expect(cut.series[0]!.values.slice(0, 4)).toEqual([null, null, null, 4]);
    const average = pivot([row(11, 'a', 1)], young, 'city', 'n', null);
    expect(average.series[0]!.values.slice(0, 4)).toEqual([null, null, 1, null]);
  });

  it('shows the first of a ranking and adds up the rest', () => {
    const series = [3, 1, 9, 2].map((n, i) => ({ key: `c${i}`, values: [n, null] }));
    const keys = (ranked: string[]) => splitSeries(series, ranked, 2).shown.map((s) => s.key);
    expect(keys([])).toEqual(['c2', 'c0']);
    expect(keys(['c1', 'c3', 'c2'])).toEqual(['c1', 'c3']);
    expect(splitSeries(series, [], 2)).toMatchObject({ restCount: 2, restSum: 3 });
  });
});

describe('trends', () => {
  it('compare with the minute before', () => {
    expect(relativeTrend(110, 100)).toEqual({ direction: 'up', text: '10.0%' });
    expect(relativeTrend(100.01, 100)?.direction).toBe('flat');
    expect(relativeTrend(5, 0)).toBeNull();
    expect(pointsTrend(0.91, 0.93)).toEqual({ direction: 'down', text: '2.0 pts' });
    expect([share(1, 0), share(null, 2), share(1, 4)]).toEqual([null, null, 0.25]);
  });
});

describe('cells', () => {
  it('understands the usual names of a cell', () => {
    expect(parseCell('40.71,-74.00')).toEqual({ lat: 40.71, lon: -74 });
    expect(parseCell('4071:-7400')).toEqual({ lat: 4071, lon: -7400 });
    expect(parseCell('-33.87_151.21')).toEqual({ lat: -33.87, lon: 151.21 });
    expect(parseCell('dr5ru')).toBeNull();
  });

  it('lays cells out with the north on top', () => {
    const cell = (city: string, name: string, requests: number, available: number): GroupByRow => ({
      version: 'v1', timestamp: '', event: { city, cell: name, requests, available },
    });
    const { grids: [grid] } = cityGrids([
      cell('x', '40.71,-74.00', 8, 1),
      cell('x', '40.73,-73.99', 1, 8),
      cell('x', '40.72,-74.00', 1, 1),
    ]);
    expect(grid).toMatchObject({ columns: 2, rows: 3, requests: 10, available: 10 });
    expect(grid!.cells.map((c) => [c.x, c.y])).toEqual([[0, 2], [1, 0], [0, 1]]);
    expect(mostWanted(grid!.cells, 1)[0]!.name).toBe('40.71,-74.00');
  });

  const rowOf = (name: string, requests: number, available: number): GroupByRow => ({
    version: 'v1', timestamp: '', event: { city: 'x', cell: name, requests, available },
  });

  it('colours by the differences there are, and one lone request is none of them', () => {
    for (const unit of [20, 200, 5000]) {
      const busy = [0.7, 0.85, 1, 1.15, 1.3].map((share, i) => rowOf(`40.7${i},-74.00`, unit * share, unit));
      const { grids, strongest } = cityGrids([...busy, rowOf('40.79,-74.00', 1, 0)]);
      const shades = grids[0]!.cells.map((cell) => cell.shade);
      expect(Math.min(...shades.slice(0, 5))).toBeLessThan(-0.6);
      expect(Math.max(...shades.slice(0, 5))).toBeGreaterThan(0.4);
      expect(Math.abs(shades[5]!)).toBeLessThan(1);
      expect(Math.abs(grids[0]!.cells[5]!.balance)).toBeLessThan(0.2);
      expect(strongest).toBeGreaterThan(1.1);
      expect(strongest).toBeLessThan(2);
    }
    const even = cityGrids([1, 2, 3].map((i) => rowOf(`40.7${i},-74.00`, 1000, 1000))).grids[0]!;
    expect(even.cells.map((cell) => Math.abs(cell.shade))).toEqual([0, 0, 0]);
  });

  it('measures balance against the average, the same both ways', () => {
    expect(balanceOf(10, 20, 0.5)).toBeCloseTo(0, 1);
    expect(balanceOf(400, 1, 1)).toBe(1);
    expect(balanceOf(1, 400, 1)).toBe(-1);
  });
});

describe('steps', () => {
  const node = (id: number, step: string, role: string, rows: number) => {
    const busy = rows / 100;
    return { id, step, role, rows_in: rows, rows_per_second: rows, busy, blocked: 0, watermark: null } as JobNode;
  };
  const edge = (from: number, to: number, port = ''): JobEdge => ({ from, to, port, exchange: to === 2 });
  const nodes = [
    node(0, 'rides', 'source', 9), node(1, 'minutes', 'late_split', 9), node(2, 'minutes', 'window', 7),
    node(3, 'out', 'sink', 1), node(4, '_late.minutes', 'sink', 0),
  ];
  const edges = [edge(0, 1), edge(1, 2), edge(1, 4, 'late'), edge(2, 3)];

  it('are one box each, and silent outputs none', () => {
    const steps = stepsOf({ nodes, edges });
    expect(steps.nodes.map((n) => [n.step, n.role, n.rows_per_second])).toEqual([
      ['rides', 'source', 9], ['minutes', 'window', 9], ['out', 'sink', 1],
    ]);
    expect(steps.edges.map((e) => [e.from, e.to])).toEqual([[0, 1], [1, 3]]);
    expect(steps.silent).toBe(1);
  });

  it('end in one box of rejected rows, wherever they come from', () => {
    const more = [...nodes, node(5, 'rides', 'rejected', 1)];
    const steps = stepsOf({ nodes: more, edges: [...edges, edge(0, 5, 'rejected'), edge(2, 5, 'rejected')] });
    expect(layersOf(steps.nodes, steps.edges)).toEqual([0, 1, 2, 2]);
  });

  it('show an output of late rows once it has some', () => {
    const late = nodes.map((n) => (n.id === 4 ? { ...n, rows_in: 2 } : n));
    expect(stepsOf({ nodes: late, edges }).edges).toContainEqual({ from: 1, to: 4, port: 'late', exchange: false });
  });
});

describe('graph', () => {
  const nodes = [0, 1, 2, 3, 4, 5].map((id) => ({ id, step: `s${id}`, role: 'x' }) as JobNode);
  const edge = (from: number, to: number): JobEdge => ({ from, to, port: '', exchange: false });
  const edges = [edge(0, 1), edge(1, 2), edge(0, 2), edge(0, 3), edge(4, 5)];

  it('puts every step after its inputs', () => {
    expect(layersOf(nodes, edges)).toEqual([0, 1, 2, 1, 0, 1]);
    expect(componentsOf(nodes, edges).map((part) => part.map((n) => n.id))).toEqual([[0, 1, 2, 3], [4, 5]]);
  });

  it('never draws one step over another', () => {
    const layout = layoutGraph(nodes, edges);
    expect(layout.edges.length).toBe(edges.length);
    for (const a of layout.nodes) {
      for (const b of layout.nodes) {
        if (a === b || a.x !== b.x) continue;
        expect(Math.abs(a.y - b.y)).toBeGreaterThanOrEqual(NODE_HEIGHT);
      }
    }
    expect(Math.max(...layout.nodes.map((n) => n.y)) + NODE_HEIGHT).toBeLessThanOrEqual(layout.height);
  });

  it('survives an empty job, a cycle and an edge to nowhere', () => {
    expect(layoutGraph([], []).nodes).toEqual([]);
    expect(layoutGraph(nodes, [edge(0, 1), edge(1, 0), edge(2, 99)]).nodes.length).toBe(nodes.length);
  });
});

describe('clock and pace', () => {
  const answer = (maxTime: string, clockSkew: number | null) => ({
    rows: [{ timestamp: maxTime, result: { minTime: maxTime, maxTime } }], completeTo: null, clockSkew,
  });

  it('follows the data, but not into the future', () => {
    const now = at + 400;
    expect(momentOf(clockOf(answer('2026-01-01T12:00:06Z', 300)), now)).toBe(at - 1000);
    expect(momentOf(clockOf(answer('2026-01-01T12:04:00Z', null)), now)).toBe(at);
    expect(momentOf(clockOf(answer('2026-01-01T12:04:00Z', 600_000)), now)).toBe(at + 233_000);
    expect(momentOf(clockOf({ rows: [], completeTo: null, clockSkew: null }), now)).toBeNull();
  });

  it('asks every second, less often when answers are slow or missing', () => {
    expect(pauseAfter(20, 0)).toBe(980);
    expect(pauseAfter(700, 0)).toBe(1400);
    expect([1, 2, 3, 9].map((failures) => pauseAfter(5, failures))).toEqual([1000, 2000, 4000, 8000]);
  });
});
