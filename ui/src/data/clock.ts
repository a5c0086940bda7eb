// What time it is for the data: the newest event, how far back rows go, and up to where they are complete.
import { runQuery, type QueryAnswer } from '../api/client';
import { boundaryQuery, type TimeBoundaryRow } from '../api/druid';
import { parseTime } from '../model/time';

export interface DataClock {
  /** Start of the newest and of the oldest rolled-up second; null while there are no rows. */
  newest: number | null;
  oldest: number | null;
  completeTo: number | null;
  /** The server's time minus the browser's, in ms. */
  skew: number;
}

/** Clocks that differ by less than a header of whole seconds can tell count as equal. */
const SKEW_FLOOR_MS = 1500;

export function clockOf(answer: QueryAnswer<TimeBoundaryRow>): DataClock {
  const result = answer.rows[0]?.result;
  const skew = answer.clockSkew ?? 0;
  return {
    newest: parseTime(result?.maxTime),
    oldest: parseTime(result?.minTime),
    completeTo: answer.completeTo,
    skew: Math.abs(skew) < SKEW_FLOOR_MS ? 0 : skew,
  };
}

export async function readClock(signal: AbortSignal, rollup = 'live_rides'): Promise<DataClock> {
  return clockOf(await runQuery<TimeBoundaryRow>(boundaryQuery(rollup), signal));
}

/**
 * The moment that "now" means on the page: the start of the newest second, which itself may still be filling. Not
 * after the server's clock, so that one event from the future does not empty the last minute.
 */
export function momentOf(clock: DataClock, wallNow: number): number | null {
  if (clock.newest === null) return null;
  const wall = Math.floor((wallNow + clock.skew) / 1000) * 1000;
  return Math.min(clock.newest, wall);
}
