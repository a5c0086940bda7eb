import { describe, expect, it } from 'vitest';
import { completeTo, parseLines } from '../src/api/client';
import * as druid from '../src/api/druid';
import { chartSpan } from '../src/model/time';
// @ts-expect-error: plain JavaScript without types
import { answer } from '../dev/mock-query.mjs';

const at = Date.parse('2026-01-01T12:00:00Z');
const span = chartSpan('15m', at, 0);

describe('queries', () => {
  it('asks for half-open intervals in UTC', () => {
    const query = druid.pulseQuery({ from: at - 60_000, to: at }, null);
    expect(query).toMatchObject({
      queryType: 'timeseries',
      dataSource: 'live_rides',
      intervals: ['2026-01-01T11:59:00.000Z/2026-01-01T12:00:00.000Z'],
      granularity: 'all',
    });
    expect(query).not.toHaveProperty('filter');
  });

  it('filters by city, alone or with the status', () => {
    expect(druid.pulseQuery({ from: 0, to: 1 }, "o'hare")).toMatchObject({
      filter: { type: 'selector', dimension: 'city', value: "o'hare" },
    });
    expect(druid.ridesByCityQuery(span, 'miami')).toMatchObject({
      filter: {
        type: 'and',
        fields: [
          { type: 'selector', dimension: 'status', value: 'requested' },
          { type: 'selector', dimension: 'city', value: 'miami' },
        ],
      },
    });
  });

  it('sums the ingested count, never the stored rows', () => {
    const queries = [druid.pulseQuery(span, null), druid.ridesByCityQuery(span, null), druid.waitsQuery(span, null)];
    expect(JSON.stringify(queries)).not.toContain('"type":"count"');
  });

  it('names every field that its post-aggregations read', () => {
    for (const query of [druid.fareQuantilesQuery(span, null), druid.waitsQuery(span, null)]) {
      if (!('aggregations' in query)) throw new Error('not an aggregation');
      const names = query.aggregations.map((a) => a.name);
      expect(query.postAggregations?.length).toBeGreaterThan(0);
      for (const post of query.postAggregations ?? []) expect(names).toContain(post.field.fieldName);
    }
  });

  it('asks only what the mock, and so the documented subset, can answer', () => {
    const queries = [
      druid.boundaryQuery('live_rides'), druid.pulseQuery(span, null), druid.pulseSeriesQuery(span, 'x'),
      druid.citiesQuery(span), druid.ridesByCityQuery(span, null), druid.fareQuantilesQuery(span, null),
      druid.cellsQuery(span, 'x'), druid.totalsQuery(span, null), druid.waitsQuery(span, null),
      druid.ratingsQuery(span),
    ];
    for (const query of queries) expect(() => answer(query, {})).not.toThrow();
  });
});

describe('the mock', () => {
  const row = (t: number, status: string, count: number) => ({ t, status, count, city: 'x', drivers: new Set([t, 1]) });
  const tables = { live_rides: [row(at - 2000, 'requested', 3), row(at - 1000, 'ride_completed', 5)] };

  it('counts like the rollup', () => {
    const [only] = answer(druid.pulseQuery({ from: at - 60_000, to: at }, null), tables);
    expect(only.result).toMatchObject({ requested: 3, completed: 5, cancelled: null });
    expect(Math.round(only.result.drivers)).toBe(3);
  });

  it('leaves the end of an interval out', () => {
    const [only] = answer(druid.pulseQuery({ from: at - 60_000, to: at - 1000 }, null), tables);
    expect(only.result).toMatchObject({ requested: 3, completed: null });
  });
});

describe('answers', () => {
  it('reads how far an answer is complete', () => {
    expect(completeTo('{"completeTo":"2026-01-01T12:00:00.000Z"}')).toBe(at);
    expect([completeTo(null), completeTo('{}'), completeTo('nonsense')]).toEqual([null, null, null]);
  });

  it('reads lines and leaves out one that was cut', () => {
    expect(parseLines('{"a":1}\n\n{"a":2}\n{"a":')).toEqual([{ a: 1 }, { a: 2 }]);
  });
});
