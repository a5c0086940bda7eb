// The same questions as the page asks, written independently of its code.

export async function query(base, body) {
  const response = await fetch(`${base}/druid/v2`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const context = JSON.parse(response.headers.get('X-Druid-Response-Context') ?? '{}');
  return { rows: await response.json(), completeTo: context.completeTo ? Date.parse(context.completeTo) : null };
}

const iso = (ms) => new Date(ms).toISOString();
const selector = (dimension, value) => ({ type: 'selector', dimension, value });
const sum = (name, status, type, fieldName) => ({
  type: 'filtered',
  name,
  filter: selector('status', status),
  aggregator: { type, name, fieldName },
});

/** The four numbers of a minute, computed from a plain query. */
export async function minute(base, from, to, city = null) {
  const { rows } = await query(base, {
    queryType: 'timeseries',
    dataSource: 'live_rides',
    intervals: [`${iso(from)}/${iso(to)}`],
    granularity: 'all',
    ...(city ? { filter: selector('city', city) } : {}),
    aggregations: [
      sum('requested', 'requested', 'longSum', 'count'),
      sum('completed', 'ride_completed', 'longSum', 'count'),
      sum('cancelled', 'ride_cancelled', 'longSum', 'count'),
      sum('revenue', 'ride_completed', 'doubleSum', 'fare_sum'),
      { type: 'HLLSketchMerge', name: 'drivers', fieldName: 'drivers' },
    ],
  });
  return rows[0]?.result ?? {};
}

export async function dayTotals(base, from, to, city = null) {
  const { rows } = await query(base, {
    queryType: 'groupBy',
    dataSource: 'rides_by_minute',
    intervals: [`${iso(from)}/${iso(to)}`],
    granularity: 'all',
    dimensions: [],
    ...(city ? { filter: selector('city', city) } : {}),
    aggregations: [
      { type: 'longSum', name: 'requested', fieldName: 'requested' },
      { type: 'doubleSum', name: 'revenue', fieldName: 'revenue' },
    ],
  });
  return rows[0]?.event ?? { requested: 0, revenue: 0 };
}

/** Waits until there is more than `least` ms of complete data, and gives a moment in its complete part. */
export async function completeMoment(base, least, timeoutMs) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const { rows, completeTo } = await query(base, { queryType: 'timeBoundary', dataSource: 'live_rides' });
    const oldest = Date.parse(rows[0]?.result?.minTime ?? '');
    if (completeTo !== null && completeTo - oldest > least) return Math.floor(completeTo / 1000) * 1000;
    if (Date.now() > end) throw new Error(`No ${least / 1000} s of complete data after ${timeoutMs / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
