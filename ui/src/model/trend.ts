// A number against the same number a minute earlier.

export interface Trend {
  direction: 'up' | 'down' | 'flat';
  text: string;
}

/** Relative change; too small to tell from nothing is flat. */
export function relativeTrend(now: number | null, before: number | null): Trend | null {
  if (now === null || before === null || before === 0) return null;
  const change = (now - before) / Math.abs(before);
  const size = Math.abs(change);
  return { direction: directionOf(change, 0.0005), text: size >= 10 ? '>999%' : `${(size * 100).toFixed(1)}%` };
}

/** Change of a share, in percentage points. */
export function pointsTrend(now: number | null, before: number | null): Trend | null {
  if (now === null || before === null) return null;
  const change = now - before;
  return { direction: directionOf(change, 0.0005), text: `${(Math.abs(change) * 100).toFixed(1)} pts` };
}

function directionOf(change: number, least: number): Trend['direction'] {
  if (Math.abs(change) < least) return 'flat';
  return change > 0 ? 'up' : 'down';
}

/** a / b, or null when there is nothing to divide by. */
export function share(part: number | null, all: number | null): number | null {
  return part === null || all === null || all === 0 ? null : part / all;
}
