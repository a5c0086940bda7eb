// Answers about a rollup as lines and rows.
import type { GroupByRow } from '../api/druid';
import { addsUp, columnsOf, type Metric, type RollupShape } from './rollup';
import { numberOf, type Series } from './series';
import { bucketStarts, floorTo, type Span } from './time';

/** The name of a value that is null, as a reader sees it and as an address can hold it. */
export const NO_VALUE = '(none)';

export const valueName = (value: unknown): string =>
  value === null || value === undefined || value === '' ? NO_VALUE : String(value);

export interface Lines {
  times: number[];
  /** By column: one line per value, in the order of `values`. */
  byColumn: Map<string, Series[]>;
}

const DAY = 86_400_000;

/**
 * One line per value and column. A bucket without a row is zero for what adds up and unknown for the rest; a bucket
 * that begins before the first row there is stays empty, unless there is hardly another.
 */
export function linesOf(
  rows: GroupByRow[], shape: RollupShape, span: Span, by: string | null, values: string[],
): Lines {
  const calendar = span.bucket.ms > DAY;
  const at = (row: GroupByRow) => Date.parse(row.timestamp);
  const times = calendar ? [...new Set(rows.map(at))].sort((a, b) => a - b) : bucketStarts(span);
  const slots = new Map(times.map((t, i) => [t, i]));
  const slotOf = (row: GroupByRow) => slots.get(calendar ? at(row) : floorTo(at(row), span.bucket.ms));
  const isCut = (t: number) => t < span.oldest && times.length > 3 && !calendar;
  const places = new Map(values.map((value, i) => [value, i]));
  const byColumn = new Map<string, Series[]>();
  const { drawn } = drawnAndNot(shape);
  for (const metric of drawn) {
    const empty = addsUp(metric) ? 0 : null;
    for (const { key } of columnsOf(metric)) {
      byColumn.set(key, values.map((value) => ({ key: value, values: times.map((t) => (isCut(t) ? null : empty)) })));
    }
  }
  for (const row of rows) {
    const slot = slotOf(row);
    const place = places.get(by === null ? values[0]! : valueName(row.event[by]));
    if (slot === undefined || place === undefined) continue;
    for (const metric of drawn) {
      if (addsUp(metric) && isCut(times[slot]!)) continue;
      for (const { key } of columnsOf(metric)) {
        const line = byColumn.get(key)?.[place];
        if (line) line.values[slot] = numberOf(row.event[key]) ?? (addsUp(metric) ? 0 : null);
      }
    }
  }
  return { times, byColumn };
}

/** Metrics that a chart is drawn of, and those that only have a name here. */
export function drawnAndNot(shape: RollupShape): { drawn: Metric[]; texts: Metric[] } {
  return {
    drawn: shape.metrics.filter((metric) => metric.kind !== 'text'),
    texts: shape.metrics.filter((metric) => metric.kind === 'text'),
  };
}
