// Druid's rows as columns of a chart: one x per bucket, one series per value of a dimension.
import type { GroupByRow, TimeseriesRow } from '../api/druid';
import { bucketStarts, floorTo, type Span } from './time';

export interface Series {
  key: string;
  values: (number | null)[];
}

export interface SeriesTable {
  /** Starts of the buckets in ms. */
  times: number[];
  series: Series[];
}

export function numberOf(value: unknown): number | null {
  const n = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof n === 'number' && Number.isFinite(n) ? n : null;
}

interface Slots {
  times: number[];
  slot: (timestamp: string) => number | undefined;
}

function slotsOf(span: Span): Slots {
  const times = bucketStarts(span);
  const index = new Map(times.map((t, i) => [t, i]));
  return { times, slot: (timestamp) => index.get(floorTo(Date.parse(timestamp), span.bucket.ms)) };
}

/**
 * A bucket that began before the oldest row there is: counts of it are of a part of its time, and are not drawn. An
 * average of a part is one all the same.
 */
const isCut = (t: number, span: Span, empty: number | null): boolean =>
  empty === null ? t + span.bucket.ms <= span.oldest : t < span.oldest;

/** What a bucket without a row holds: nothing before the oldest row there is, else `empty`. */
function blanks(times: number[], span: Span, empty: number | null): (number | null)[] {
  return times.map((t) => (isCut(t, span, empty) ? null : empty));
}

/** One metric per value of a dimension. Buckets without a row hold `empty` (0 for counts, null for averages). */
export function pivot(
  rows: GroupByRow[],
  span: Span,
  dimension: string,
  metric: string,
  empty: number | null,
): SeriesTable {
  const { times, slot } = slotsOf(span);
  const byKey = new Map<string, (number | null)[]>();
  for (const row of rows) {
    const at = slot(row.timestamp);
    if (at === undefined) continue;
    const key = String(row.event[dimension] ?? 'none');
    let values = byKey.get(key);
    if (!values) byKey.set(key, (values = blanks(times, span, empty)));
    if (!isCut(times[at]!, span, empty)) values[at] = numberOf(row.event[metric]) ?? empty;
  }
  const series = [...byKey].map(([key, values]) => ({ key, values }));
  return { times, series: series.sort((a, b) => (a.key < b.key ? -1 : 1)) };
}

/** Several metrics of a timeseries. */
export function columns(
  rows: TimeseriesRow[],
  span: Span,
  metrics: string[],
  empty: number | null,
): SeriesTable {
  const { times, slot } = slotsOf(span);
  const series = metrics.map((key) => ({ key, values: blanks(times, span, empty) }));
  for (const row of rows) {
    const at = slot(row.timestamp);
    if (at === undefined) continue;
    if (isCut(times[at]!, span, empty)) continue;
    for (const one of series) one.values[at] = numberOf(row.result[one.key]) ?? empty;
  }
  return { times, series };
}

export function sum(values: (number | null)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

export interface Split {
  shown: Series[];
  /** How many series are not shown, and the sum of all their values. */
  restCount: number;
  restSum: number;
}

/** The `most` series that come first in `ranked`; by size while nothing is ranked yet. */
export function splitSeries(series: Series[], ranked: string[], most: number): Split {
  const place = new Map(ranked.map((key, i) => [key, i]));
  const order = (s: Series) => place.get(s.key) ?? ranked.length;
  const sorted = [...series].sort((a, b) => order(a) - order(b) || sum(b.values) - sum(a.values));
  const rest = sorted.slice(most);
  return { shown: sorted.slice(0, most), restCount: rest.length, restSum: sum(rest.map((s) => sum(s.values))) };
}
