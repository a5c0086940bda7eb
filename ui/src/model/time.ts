// The time ranges of the dashboard, the buckets of its charts, and intervals in Druid's notation.

export const RANGES = ['5m', '15m', '1h', '6h', '24h'] as const;
export type Range = (typeof RANGES)[number] | '7d' | '30d';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const RANGE_MS: Record<Range, number> = {
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '1h': HOUR,
  '6h': 6 * HOUR,
  '24h': 24 * HOUR,
  '7d': 7 * 24 * HOUR,
  '30d': 30 * 24 * HOUR,
};

export const RANGE_NAMES: Record<Range, string> = {
  '5m': '5 minutes',
  '15m': '15 minutes',
  '1h': '1 hour',
  '6h': '6 hours',
  '24h': '24 hours',
  '7d': '7 days',
  '30d': '30 days',
};

/** "last 15 minutes", "last hour". */
export function lastOf(range: Range): string {
  return `last ${RANGE_NAMES[range].replace(/^1 /, '')}`;
}

export interface Bucket {
  ms: number;
  period: string;
}

const BUCKETS: Bucket[] = [
  { ms: 5 * SECOND, period: 'PT5S' },
  { ms: 10 * SECOND, period: 'PT10S' },
  { ms: 15 * SECOND, period: 'PT15S' },
  { ms: 30 * SECOND, period: 'PT30S' },
  { ms: MINUTE, period: 'PT1M' },
  { ms: 2 * MINUTE, period: 'PT2M' },
  { ms: 5 * MINUTE, period: 'PT5M' },
  { ms: 10 * MINUTE, period: 'PT10M' },
  { ms: 20 * MINUTE, period: 'PT20M' },
];

export interface Span {
  from: number;
  to: number;
  bucket: Bucket;
  /** The oldest row there is. */
  oldest: number;
}

/** More points than this make noise, not news. */
const MOST_BUCKETS = 75;
const LEAST_BUCKETS = 12;

/**
 * What a chart shows: whole buckets only, ending at the newest event. Data younger than the range shrinks it, so
 * that a job that started a minute ago is not a line at the far right.
 */
export function chartSpan(range: Range, at: number, oldest: number, finest = 0): Span {
  const wanted = Math.min(RANGE_MS[range], Math.max(at - oldest, 0));
  const candidates = BUCKETS.filter((bucket) => bucket.ms >= finest);
  const bucket = candidates.find((b) => wanted / b.ms <= MOST_BUCKETS) ?? candidates[candidates.length - 1]!;
  const to = floorTo(at, bucket.ms);
  const length = Math.max(floorTo(wanted, bucket.ms), Math.min(LEAST_BUCKETS * bucket.ms, RANGE_MS[range]));
  return { from: to - length, to, bucket, oldest };
}

/** "minute", "20 minutes": a bucket's length in words. */
export function bucketName(bucket: Bucket): string {
  const units: [number, string][] = [[24 * HOUR, 'day'], [HOUR, 'hour'], [MINUTE, 'minute'], [SECOND, 'second']];
  const [ms, name] = units.find(([unit]) => bucket.ms % unit === 0) ?? [SECOND, 'second'];
  const count = bucket.ms / ms;
  if (bucket.period === 'P1M') return 'month';
  if (bucket.period === 'P1Y') return 'year';
  if (bucket.period === 'P1W') return 'week';
  return count === 1 ? name : `${count} ${name}s`;
}

export function floorTo(ms: number, unit: number): number {
  return Math.floor(ms / unit) * unit;
}

export function interval(from: number, to: number): string {
  return `${new Date(from).toISOString()}/${new Date(to).toISOString()}`;
}

export function parseTime(text: string | null | undefined): number | null {
  if (!text) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** The starts of the buckets of a span, oldest first. */
export function bucketStarts(span: Span): number[] {
  const starts: number[] = [];
  for (let t = span.from; t < span.to; t += span.bucket.ms) starts.push(t);
  return starts;
}
