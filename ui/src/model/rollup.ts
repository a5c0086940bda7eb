// Any rollup as a page needs it: its dimensions, its metrics with the way to add each up, its own granularity.
import type { Aggregation, Filter, QuantilePostAggregation, Query, TimeSpan } from '../api/druid';
import { floorTo, interval, RANGE_MS, type Bucket, type Range, type Span } from './time';

/** One answer of a segmentMetadata query with analysisTypes aggregators, cardinality and queryGranularity. */
export interface MetadataRow {
  columns: Record<string, { type: string; typeSignature?: string; hasNulls?: boolean; cardinality: number | null }>;
  aggregators: Record<string, { type: string; name: string; fieldName: string }> | null;
  queryGranularity: { type: string; period?: string } | string | null;
}

export type MetricKind = 'count' | 'sum' | 'least' | 'largest' | 'first' | 'last' | 'distinct' | 'quantiles' | 'text';

export interface Metric {
  name: string;
  kind: MetricKind;
  aggregator: string;
}

export interface Dimension {
  name: string;
  /** How many values it has; null where that is not known. */
  cardinality: number | null;
}

export interface RollupShape {
  name: string;
  dimensions: Dimension[];
  /** Those that can be drawn, then texts. */
  metrics: Metric[];
  granularity: Bucket;
}

const KINDS: [RegExp, MetricKind][] = [
  [/^string/i, 'text'],
  [/quantiles|Kll/i, 'quantiles'],
  [/HLL|theta|hyperUnique|cardinality/i, 'distinct'],
  [/Min$/, 'least'],
  [/Max$/, 'largest'],
  [/First$/, 'first'],
  [/Last$/, 'last'],
];

function kindOf(aggregator: string, column: { type: string; hasNulls?: boolean } | undefined): MetricKind {
  const known = KINDS.find(([pattern]) => pattern.test(aggregator));
  if (known) return known[1];
  // Sums of nothing are null; only a count never is.
  return column?.type === 'LONG' && column.hasNulls === false ? 'count' : 'sum';
}

export function shapeOf(name: string, row: MetadataRow): RollupShape {
  const aggregators = row.aggregators ?? {};
  const metrics = Object.values(aggregators).map((a): Metric => {
    return { name: a.name, kind: kindOf(a.type, row.columns[a.name]), aggregator: a.type };
  });
  const dimensions = Object.entries(row.columns)
    .filter(([column]) => column !== '__time' && !(column in aggregators))
    .map(([column, facts]) => ({ name: column, cardinality: facts.cardinality }));
  const drawn = metrics.filter((metric) => metric.kind !== 'text');
  const texts = metrics.filter((metric) => metric.kind === 'text');
  return { name, dimensions, metrics: [...drawn, ...texts], granularity: granularityOf(row.queryGranularity) };
}

const SECOND = 1000;
const DAY = 86_400_000;
const UNITS: Record<string, number> = { Y: 366 * DAY, W: 7 * DAY, D: DAY, H: 3_600_000, S: SECOND };

/** A period's length in ms; months and years at their longest. Null for what is no period. */
export function periodMs(period: string): number | null {
  const match = /^P((?:\d+[YMWD])*)(?:T((?:[\d.]+[HMS])+))?$/.exec(period);
  if (!match || period === 'P') return null;
  let total = 0;
  for (const [, n, unit] of (match[1] ?? '').matchAll(/(\d+)([YMWD])/g)) {
    total += Number(n) * (unit === 'M' ? 31 * DAY : UNITS[unit!]!);
  }
  for (const [, n, unit] of (match[2] ?? '').matchAll(/([\d.]+)([HMS])/g)) {
    total += Number(n) * (unit === 'M' ? 60 * SECOND : UNITS[unit!]!);
  }
  return total > 0 ? total : null;
}

function granularityOf(given: MetadataRow['queryGranularity']): Bucket {
  const period = typeof given === 'object' && given !== null ? given.period : undefined;
  const ms = period === undefined ? null : periodMs(period);
  // Finer than a second is more than a chart can show.
  return ms === null || ms < SECOND ? { ms: SECOND, period: 'PT1S' } : { ms, period: period! };
}

/** What a number of this metric is, in words. Who declared the rollup gave it no unit, so none is made up. */
export function unitOf(metric: Metric): string {
  switch (metric.kind) {
    case 'count': return 'rows';
    case 'sum': return 'sum, no unit given';
    case 'least': return 'smallest, no unit given';
    case 'largest': return 'largest, no unit given';
    case 'first': return 'first, no unit given';
    case 'last': return 'last, no unit given';
    case 'distinct': return 'different values, estimated';
    case 'quantiles': return 'median, no unit given';
    case 'text': return 'text';
  }
}

/** Adds up when time or values are put together, so that an empty bucket is zero and not unknown. */
export const addsUp = (metric: Metric): boolean => ['count', 'sum', 'distinct'].includes(metric.kind);

export const canSort = (metric: Metric): boolean => metric.kind !== 'quantiles' && metric.kind !== 'text';

/** Columns of an answer that belong to a metric: what charts draw first. */
export function columnsOf(metric: Metric): { key: string; label: string }[] {
  if (metric.kind !== 'quantiles') return [{ key: metric.name, label: metric.name }];
  return [
    { key: `${metric.name}:p50`, label: `${metric.name}, median` },
    { key: `${metric.name}:p90`, label: `${metric.name}, 90%` },
  ];
}

interface Computed {
  aggregations: Aggregation[];
  postAggregations: QuantilePostAggregation[];
}

function aggregationsOf(metrics: Metric[]): Computed {
  const drawn = metrics.filter((metric) => metric.kind !== 'text');
  const aggregations = drawn.map((metric) => ({
    type: metric.aggregator, name: metric.name, fieldName: metric.name,
  }) as Aggregation);
  const postAggregations = drawn.filter((m) => m.kind === 'quantiles').flatMap((metric) =>
    [['p50', 0.5], ['p90', 0.9]].map(([name, fraction]): QuantilePostAggregation => ({
      type: 'quantilesDoublesSketchToQuantile',
      name: `${metric.name}:${name}`,
      field: { type: 'fieldAccess', fieldName: metric.name },
      fraction: Number(fraction),
    })),
  );
  return { aggregations, postAggregations };
}

export type Chosen = [dimension: string, value: string | null][];

function filterOf(where: Chosen, more: Filter | null = null): { filter?: Filter } {
  const fields: Filter[] = where.map(([dimension, value]) => ({ type: 'selector', dimension, value }));
  if (more) fields.push(more);
  if (fields.length === 0) return {};
  return { filter: fields.length === 1 ? fields[0]! : { type: 'and', fields } };
}

export const MOST_VALUES = 100;

const common = (shape: RollupShape, span: TimeSpan) => ({
  dataSource: shape.name,
  intervals: [interval(span.from, span.to)],
  ...aggregationsOf(shape.metrics),
});

/** All metrics of the whole span, in one row. */
export function totalQuery(shape: RollupShape, span: TimeSpan, where: Chosen): Query {
  return { queryType: 'timeseries', ...common(shape, span), granularity: 'all', ...filterOf(where) };
}

/** All metrics by the values of a dimension, the largest first. */
export function valuesQuery(shape: RollupShape, span: TimeSpan, by: string, sort: string, where: Chosen): Query {
  return {
    queryType: 'topN', ...common(shape, span), granularity: 'all', dimension: by, metric: sort,
    threshold: MOST_VALUES, ...filterOf(where),
  };
}

/** All metrics over time, of some values of a dimension or of everything. */
export function seriesQuery(
  shape: RollupShape, span: Span, by: string | null, values: (string | null)[], where: Chosen,
): Query {
  const granularity = { type: 'period', period: span.bucket.period, timeZone: 'UTC' } as const;
  const some: Filter | null = by === null ? null : { type: 'in', dimension: by, values };
  return {
    queryType: 'groupBy', ...common(shape, span), granularity,
    dimensions: by === null ? [] : [by], ...filterOf(where, some),
  };
}

export function metadataQuery(dataSource: string): unknown {
  return {
    queryType: 'segmentMetadata', dataSource, merge: true,
    analysisTypes: ['cardinality', 'aggregators', 'queryGranularity'],
  };
}

/** The dimension that a page splits by when nobody chose: few values, but more than one. */
export function defaultDimension(shape: RollupShape): string | null {
  const size = (d: Dimension) => d.cardinality ?? Infinity;
  const telling = shape.dimensions.filter((d) => size(d) >= 2 && size(d) <= 50);
  const [first] = telling.length > 0 ? telling : shape.dimensions;
  return first?.name ?? null;
}

export function defaultSort(shape: RollupShape): string | null {
  const first = shape.metrics.find((m) => m.kind === 'count') ?? shape.metrics.find(canSort);
  return first?.name ?? null;
}

export const ROLLUP_RANGES = ['15m', '1h', '6h', '24h', '7d', '30d', 'all'] as const;
export type RollupRange = (typeof ROLLUP_RANGES)[number];

/** At least a few dozen points of the rollup's own granularity. */
export function defaultRange(shape: RollupShape): RollupRange {
  const { ms } = shape.granularity;
  if (ms <= 60_000) return '1h';
  if (ms <= 3_600_000) return '24h';
  return ms <= DAY ? '30d' : 'all';
}

const BUCKETS: Bucket[] = [
  [1, 'PT1S'], [5, 'PT5S'], [15, 'PT15S'], [30, 'PT30S'], [60, 'PT1M'], [120, 'PT2M'], [300, 'PT5M'], [600, 'PT10M'],
  [1200, 'PT20M'], [3600, 'PT1H'], [10_800, 'PT3H'], [21_600, 'PT6H'], [43_200, 'PT12H'], [86_400, 'P1D'],
].map(([seconds, period]) => ({ ms: Number(seconds) * SECOND, period: String(period) }));
const MOST_BUCKETS = 90;

/**
 * What the charts of a rollup show: from its oldest cell or the range's begin, to the end of its newest cell. Buckets
 * are whole ones of the rollup's granularity or of something that it fits into.
 */
export function rollupSpan(range: RollupRange, end: number, oldest: number, granularity: Bucket): Span {
  const length = range === 'all' ? end - oldest : RANGE_MS[range as Range];
  const begin = Math.max(end - length, oldest);
  if (granularity.ms > DAY) return { from: begin, to: end, bucket: granularity, oldest };
  const fitting = BUCKETS.filter((b) => b.ms % granularity.ms === 0);
  const candidates = [granularity, ...fitting.filter((b) => b.ms > granularity.ms)];
  const bucket = candidates.find((b) => (end - begin) / b.ms <= MOST_BUCKETS) ?? candidates[candidates.length - 1]!;
  const from = floorTo(begin, bucket.ms);
  return { from, to: Math.max(Math.ceil(end / bucket.ms) * bucket.ms, from + bucket.ms), bucket, oldest };
}
