import { describe, expect, it } from 'vitest';
import type { GroupByRow } from '../src/api/druid';
import {
  defaultDimension, defaultRange, defaultSort, periodMs, ROLLUP_RANGES, rollupSpan, seriesQuery, shapeOf, totalQuery,
  unitOf, valuesQuery, type MetadataRow,
} from '../src/model/rollup';
import { linesOf, valueName } from '../src/model/rollup_data';
import { anyRollup, formatRoute, parseRoute } from '../src/model/route';
import { bucketName, bucketStarts } from '../src/model/time';

const row: MetadataRow = {
  columns: {
    __time: { type: 'LONG', cardinality: null },
    plant: { type: 'STRING', cardinality: 1 },
    sensor: { type: 'STRING', cardinality: 4 },
    serial: { type: 'STRING', cardinality: 90_000 },
    readings: { type: 'LONG', hasNulls: false, cardinality: null },
    load: { type: 'LONG', hasNulls: true, cardinality: null },
    coldest: { type: 'DOUBLE', hasNulls: true, cardinality: null },
    heat: { type: 'quantilesDoublesSketch', hasNulls: true, cardinality: null },
    devices: { type: 'HLLSketch', hasNulls: true, cardinality: null },
    note: { type: 'STRING', hasNulls: true, cardinality: null },
  },
  aggregators: {
    note: { type: 'stringLast', name: 'note', fieldName: 'note' },
    readings: { type: 'longSum', name: 'readings', fieldName: 'readings' },
    load: { type: 'longSum', name: 'load', fieldName: 'load' },
    coldest: { type: 'doubleMin', name: 'coldest', fieldName: 'coldest' },
    heat: { type: 'quantilesDoublesSketch', name: 'heat', fieldName: 'heat' },
    devices: { type: 'HLLSketchMerge', name: 'devices', fieldName: 'devices' },
  },
  queryGranularity: { type: 'period', period: 'PT1M' },
};
const shape = shapeOf('machines', row);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const end = Date.parse('2026-03-01T12:00:00Z');

describe('a rollup nobody knows', () => {
  it('tells its dimensions, its metrics and what a number is', () => {
    expect(shape.dimensions.map((d) => d.name)).toEqual(['plant', 'sensor', 'serial']);
    expect(shape.metrics.map((m) => [m.name, m.kind])).toEqual([
      ['readings', 'count'], ['load', 'sum'], ['coldest', 'least'], ['heat', 'quantiles'], ['devices', 'distinct'],
      ['note', 'text'],
    ]);
    const units = shape.metrics.map(unitOf);
    expect(units[0]).toBe('rows');
    expect(units.filter((unit) => unit.includes('no unit given')).length).toBe(3);
  });

  it('is split by what has a few values, sorted by how many rows', () => {
    expect(defaultDimension(shape)).toBe('sensor');
    expect(defaultDimension({ ...shape, dimensions: [] })).toBeNull();
    expect(defaultSort(shape)).toBe('readings');
    expect(defaultSort({ ...shape, metrics: shape.metrics.filter((m) => m.kind === 'text') })).toBeNull();
  });

  it('is asked for all its metrics, sketches by their quantiles, texts not at all', () => {
    const span = rollupSpan('1h', end, 0, shape.granularity);
    const asked = valuesQuery(shape, span, 'sensor', 'readings', [['plant', 'a'], ['serial', null]]);
    expect(asked).toMatchObject({ queryType: 'topN', dimension: 'sensor', metric: 'readings', dataSource: 'machines' });
    expect(asked).toMatchObject({ filter: { type: 'and' } });
    const { aggregations, postAggregations } = asked as { aggregations: unknown[]; postAggregations: unknown[] };
    expect(aggregations.length).toBe(5);
    expect(postAggregations).toMatchObject([{ name: 'heat:p50', fraction: 0.5 }, { name: 'heat:p90', fraction: 0.9 }]);
    expect(totalQuery(shape, span, [])).not.toHaveProperty('filter');
    expect(seriesQuery(shape, span, 'sensor', ['s1', null], [])).toMatchObject({
      filter: { type: 'in', dimension: 'sensor', values: ['s1', null] }, dimensions: ['sensor'],
    });
    expect(seriesQuery(shape, span, null, [], [])).toMatchObject({ dimensions: [] });
  });
});

describe('its time', () => {
  it('reads periods', () => {
    const periods: [string, number | null][] = [
      ['PT1S', 1000], ['PT1M30S', 90_000], ['PT5M', 300_000], ['PT1H', HOUR], ['P1D', DAY], ['P7D', 7 * DAY],
      ['P1W', 7 * DAY], ['P1M', 31 * DAY], ['P1DT12H', 1.5 * DAY], ['P', null], ['1m', null], ['', null],
    ];
    for (const [text, ms] of periods) expect(periodMs(text), text).toBe(ms);
    const finest = shapeOf('x', { ...row, queryGranularity: { type: 'period', period: 'PT0.001S' } });
    expect(finest.granularity).toEqual({ ms: 1000, period: 'PT1S' });
    expect(shapeOf('x', { ...row, queryGranularity: null }).granularity.ms).toBe(1000);
  });

  it('is never cut finer than its cells, and few enough points remain', () => {
    for (const period of ['PT1S', 'PT1M', 'PT5M', 'PT15M', 'PT1H', 'P1D']) {
      const granularity = { ms: periodMs(period)!, period };
      for (const range of ROLLUP_RANGES) {
        for (const age of [granularity.ms, 3 * HOUR, 9 * DAY, 400 * DAY]) {
          const oldest = Math.floor((end - age) / granularity.ms) * granularity.ms;
          const last = Math.ceil(end / granularity.ms) * granularity.ms;
          const span = rollupSpan(range, last, oldest, granularity);
          const what = `${period} ${range} ${age}`;
          expect(span.bucket.ms % granularity.ms, what).toBe(0);
          expect(span.from, what).toBeGreaterThan(oldest - span.bucket.ms);
          expect(span.to, what).toBeGreaterThanOrEqual(last);
          expect(bucketStarts(span).length, what).toBeGreaterThan(0);
          if (span.bucket.ms < DAY) expect(bucketStarts(span).length, what).toBeLessThanOrEqual(92);
        }
      }
    }
  });

  it('has a first range that fits it, and a name for its buckets', () => {
    expect(defaultRange(shape)).toBe('1h');
    const daily = shapeOf('x', { ...row, queryGranularity: { type: 'period', period: 'P1D' } });
    expect(defaultRange(daily)).toBe('30d');
    const names = ['PT1M', 'PT20M', 'PT1H', 'P1D', 'P7D', 'P1M'].map((period) => {
      return bucketName({ ms: periodMs(period)!, period });
    });
    expect(names).toEqual(['minute', '20 minutes', 'hour', 'day', '7 days', 'month']);
  });
});

describe('its lines', () => {
  const at = (minutes: number, event: GroupByRow['event']): GroupByRow => {
    return { version: 'v1', timestamp: new Date(end - HOUR + minutes * MINUTE).toISOString(), event };
  };
  const span = rollupSpan('1h', end, end - HOUR, shape.granularity);

  it('are zero where nothing came, and nothing where no one can know', () => {
    const lines = linesOf([at(5, { sensor: 's1', readings: 3, coldest: -4 })], shape, span, 'sensor', ['s1', 's2']);
    expect(lines.times.length).toBe(60);
    expect(lines.byColumn.get('readings')!.map((l) => l.values.slice(4, 7))).toEqual([[0, 3, 0], [0, 0, 0]]);
    expect(lines.byColumn.get('coldest')![0]!.values.slice(4, 7)).toEqual([null, -4, null]);
    expect(lines.byColumn.has('note')).toBe(false);
  });

  it('begin with the first whole bucket of data', () => {
    const late = { ...span, bucket: { ms: 5 * MINUTE, period: 'PT5M' }, oldest: end - HOUR + 7 * MINUTE };
    const rows = [at(5, { sensor: 's1', readings: 1 }), at(10, { sensor: 's1', readings: 9 })];
    const lines = linesOf(rows, shape, late, 'sensor', ['s1']);
    expect(lines.byColumn.get('readings')![0]!.values.slice(0, 4)).toEqual([null, null, 9, 0]);
  });

  it('of everything together need no dimension, those of months no grid', () => {
    const one = linesOf([at(1, { readings: 2 })], shape, span, null, ['']);
    expect(one.byColumn.get('readings')![0]!.values[1]).toBe(2);
    const monthly = rollupSpan('all', end, end - 90 * DAY, { ms: 31 * DAY, period: 'P1M' });
    const days = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'];
    const rows = days.map((timestamp) => ({ ...at(0, { readings: 5 }), timestamp }));
    expect(linesOf(rows, shape, monthly, null, ['']).byColumn.get('readings')![0]!.values).toEqual([5, 5]);
  });

  it('name what is null', () => {
    expect([null, undefined, '', 'x', 7].map(valueName)).toEqual(['(none)', '(none)', '(none)', 'x', '7']);
  });
});

describe('its address', () => {
  it('brings back what it was made from', () => {
    for (const hash of [
      '#/rollup', '#/rollup/live_rides', '#/rollup/a%20b?by=city&range=7d&where=status%3Aa%3Ab&sort=n',
      '#/rollup/x?by=&at=2026-01-01T12%3A00%3A07.000Z&where=c%3Ad&where=e%3Af',
    ]) {
      const route = parseRoute(hash);
      expect(route.page).toBe('rollup');
      expect(parseRoute(formatRoute(route)), hash).toEqual(route);
    }
    expect(parseRoute('#/rollup/x?range=7y&where=broken&where=:x')).toEqual(anyRollup('x'));
  });
});
