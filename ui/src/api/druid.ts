// Native Druid queries of the live page; those about any rollup are in ../model/rollup.ts. Only what docs/http-api.md
// and the rollups of the main job offer.
import { interval, type Span } from '../model/time';

export type Filter =
  | { type: 'selector'; dimension: string; value: string | null }
  | { type: 'in'; dimension: string; values: (string | null)[] }
  | { type: 'and'; fields: Filter[] };

export type Aggregation =
  | { type: 'longSum' | 'doubleSum' | 'HLLSketchMerge' | 'quantilesDoublesSketch'; name: string; fieldName: string }
  /** An aggregator that a rollup names itself. */
  | { type: `${string}Min` | `${string}Max` | `${string}First` | `${string}Last`; name: string; fieldName: string }
  | { type: 'filtered'; name: string; filter: Filter; aggregator: Aggregation };

export interface QuantilePostAggregation {
  type: 'quantilesDoublesSketchToQuantile';
  name: string;
  field: { type: 'fieldAccess'; fieldName: string };
  fraction: number;
}

export type Granularity = 'all' | { type: 'period'; period: string; timeZone: string };

interface Common {
  dataSource: string;
  intervals: string[];
  granularity: Granularity;
  filter?: Filter;
  aggregations: Aggregation[];
  postAggregations?: QuantilePostAggregation[];
  context?: Record<string, unknown>;
}

export type Query =
  | ({ queryType: 'timeseries' } & Common)
  | ({ queryType: 'groupBy'; dimensions: string[]; limitSpec?: { type: 'default'; limit: number } } & Common)
  | ({ queryType: 'topN'; dimension: string; metric: string; threshold: number } & Common)
  | { queryType: 'timeBoundary'; dataSource: string };

type Value = number | string | null;
export interface TimeseriesRow { timestamp: string; result: Record<string, Value> }
export interface GroupByRow { version: string; timestamp: string; event: Record<string, Value> }
export interface TopNRow { timestamp: string; result: Record<string, Value>[] }
export interface TimeBoundaryRow { timestamp: string; result: { minTime?: string; maxTime?: string } }
export type QueryRow = TimeseriesRow | GroupByRow | TopNRow | TimeBoundaryRow;

export interface TimeSpan { from: number; to: number }

const equals = (dimension: string, value: string): Filter => ({ type: 'selector', dimension, value });

function allOf(filters: (Filter | null)[]): { filter?: Filter } {
  const present = filters.filter((f): f is Filter => f !== null);
  if (present.length === 0) return {};
  return { filter: present.length === 1 ? present[0]! : { type: 'and', fields: present } };
}

const ofCity = (city: string | null): Filter | null => (city === null ? null : equals('city', city));
const longSum = (name: string, fieldName = name): Aggregation => ({ type: 'longSum', name, fieldName });
const doubleSum = (name: string, fieldName = name): Aggregation => ({ type: 'doubleSum', name, fieldName });
const withStatus = (status: string, aggregator: Aggregation): Aggregation => ({
  type: 'filtered',
  name: aggregator.name,
  filter: equals('status', status),
  aggregator,
});

const period = (text: string): Granularity => ({ type: 'period', period: text, timeZone: 'UTC' });
const ofSpan = (span: TimeSpan) => ({ intervals: [interval(span.from, span.to)] });
const quantile = (sketch: string, name: string, fraction: number): QuantilePostAggregation => ({
  type: 'quantilesDoublesSketchToQuantile',
  name,
  field: { type: 'fieldAccess', fieldName: sketch },
  fraction,
});

/** Counts, money and distinct drivers of live_rides. */
const rideMetrics: Aggregation[] = [
  withStatus('requested', longSum('requested', 'count')),
  withStatus('ride_completed', longSum('completed', 'count')),
  withStatus('ride_cancelled', longSum('cancelled', 'count')),
  withStatus('ride_completed', doubleSum('revenue', 'fare_sum')),
  { type: 'HLLSketchMerge', name: 'drivers', fieldName: 'drivers' },
];

export function boundaryQuery(dataSource: string): Query {
  return { queryType: 'timeBoundary', dataSource };
}

/** The big numbers over one interval: one row. */
export function pulseQuery(span: TimeSpan, city: string | null): Query {
  return {
    queryType: 'timeseries',
    dataSource: 'live_rides',
    ...ofSpan(span),
    granularity: 'all',
    ...allOf([ofCity(city)]),
    aggregations: rideMetrics,
  };
}

/** The same numbers per bucket, for the sparklines. */
export function pulseSeriesQuery(span: Span, city: string | null): Query {
  return {
    queryType: 'timeseries',
    dataSource: 'live_rides',
    ...ofSpan(span),
    granularity: period(span.bucket.period),
    ...allOf([ofCity(city)]),
    aggregations: rideMetrics,
  };
}

/** The cities with events lately, for the filter. */
export function citiesQuery(span: TimeSpan): Query {
  return {
    queryType: 'topN',
    dataSource: 'live_rides',
    ...ofSpan(span),
    granularity: 'all',
    dimension: 'city',
    metric: 'events',
    threshold: 100,
    aggregations: [longSum('events', 'count')],
  };
}

/** Rides requested, per bucket and city. */
export function ridesByCityQuery(span: Span, city: string | null): Query {
  return {
    queryType: 'groupBy',
    dataSource: 'live_rides',
    ...ofSpan(span),
    granularity: period(span.bucket.period),
    dimensions: ['city'],
    ...allOf([equals('status', 'requested'), ofCity(city)]),
    aggregations: [longSum('requested', 'count')],
  };
}

export function fareQuantilesQuery(span: Span, city: string | null): Query {
  return {
    queryType: 'timeseries',
    dataSource: 'live_rides',
    ...ofSpan(span),
    granularity: period(span.bucket.period),
    ...allOf([equals('status', 'ride_completed'), ofCity(city)]),
    aggregations: [
      longSum('completed', 'count'),
      { type: 'quantilesDoublesSketch', name: 'fare_q', fieldName: 'fare_q' },
    ],
    postAggregations: [quantile('fare_q', 'p10', 0.1), quantile('fare_q', 'p50', 0.5), quantile('fare_q', 'p90', 0.9)],
  };
}

export const MOST_CELLS = 5000;

export function cellsQuery(span: TimeSpan, city: string | null): Query {
  return {
    queryType: 'groupBy',
    dataSource: 'live_cells',
    ...ofSpan(span),
    granularity: 'all',
    dimensions: ['city', 'cell'],
    ...allOf([ofCity(city)]),
    aggregations: [longSum('requests'), { type: 'HLLSketchMerge', name: 'available', fieldName: 'available' }],
    limitSpec: { type: 'default', limit: MOST_CELLS },
  };
}

/** Final rows per city and minute, summed over a day. */
export function totalsQuery(span: TimeSpan, city: string | null): Query {
  return {
    queryType: 'topN',
    dataSource: 'rides_by_minute',
    ...ofSpan(span),
    granularity: 'all',
    dimension: 'city',
    metric: 'requested',
    threshold: 100,
    ...allOf([ofCity(city)]),
    aggregations: [longSum('requested'), longSum('completed'), longSum('cancelled'), doubleSum('revenue')],
  };
}

export function waitsQuery(span: TimeSpan, city: string | null): Query {
  return {
    queryType: 'timeseries',
    dataSource: 'live_trips',
    ...ofSpan(span),
    granularity: 'all',
    ...allOf([ofCity(city)]),
    aggregations: [
      longSum('trips', 'count'),
      { type: 'quantilesDoublesSketch', name: 'wait_q', fieldName: 'wait_q' },
      { type: 'quantilesDoublesSketch', name: 'trip_q', fieldName: 'trip_q' },
    ],
    postAggregations: [
      quantile('wait_q', 'wait_p50', 0.5),
      quantile('wait_q', 'wait_p90', 0.9),
      quantile('trip_q', 'trip_p50', 0.5),
      quantile('trip_q', 'trip_p90', 0.9),
    ],
  };
}

export function ratingsQuery(span: Span): Query {
  return {
    queryType: 'groupBy',
    dataSource: 'live_ratings',
    ...ofSpan(span),
    granularity: period(span.bucket.period),
    dimensions: ['gender'],
    aggregations: [longSum('total_rides'), doubleSum('rating_sum'), longSum('ratings')],
  };
}
