// Enough of Druid's native queries for the console: timeBoundary, timeseries, topN and groupBy with filters, sums,
// distinct counts and quantiles, over rows in memory.

const PERIOD = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const SIMPLE = {
  second: 1e3, minute: 6e4, five_minute: 3e5, ten_minute: 6e5, fifteen_minute: 9e5, thirty_minute: 18e5, hour: 36e5,
  day: 864e5,
};

export class QueryError extends Error {}

function bucketMs(granularity) {
  if (granularity === 'all' || granularity === undefined) return null;
  if (typeof granularity === 'string') {
    const ms = SIMPLE[granularity.toLowerCase()];
    if (!ms) throw new QueryError(`Granularity ${granularity} is not known to the mock.`);
    return ms;
  }
  const match = PERIOD.exec(granularity.period ?? '');
  if (granularity.type !== 'period' || !match) throw new QueryError('Only period granularities are known.');
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] = match;
  return (((+days * 24 + +hours) * 60 + +minutes) * 60 + +seconds) * 1000;
}

function matcher(filter) {
  if (!filter) return () => true;
  switch (filter.type) {
    case 'selector':
      return (row) => (row[filter.dimension] ?? null) === filter.value;
    case 'equals':
      return (row) => (row[filter.column] ?? null) === filter.matchValue;
    case 'in':
      return (row) => filter.values.includes(row[filter.dimension] ?? null);
    case 'and': {
      const all = filter.fields.map(matcher);
      return (row) => all.every((m) => m(row));
    }
    case 'or': {
      const any = filter.fields.map(matcher);
      return (row) => any.some((m) => m(row));
    }
    case 'not': {
      const inner = matcher(filter.field);
      return (row) => !inner(row);
    }
    default:
      throw new QueryError(`Filter type ${filter.type} is not known to the mock.`);
  }
}

/** An aggregator: fresh() gives a state with add(row) and value(). */
function aggregator(spec) {
  const field = spec.fieldName;
  switch (spec.type) {
    case 'filtered': {
      const match = matcher(spec.filter);
      const inner = aggregator(spec.aggregator);
      return () => {
        const state = inner();
        return { add: (row) => match(row) && state.add(row), value: state.value, raw: state.raw };
      };
    }
    case 'count':
      return () => {
        let n = 0;
        return { add: () => (n += 1), value: () => n };
      };
    case 'longSum':
    case 'doubleSum':
      return () => {
        let sum = null;
        return { add: (row) => (sum = (sum ?? 0) + (row[field] ?? 0)), value: () => sum };
      };
    case 'HLLSketchMerge':
      return () => {
        const all = new Set();
        return {
          add: (row) => row[field]?.forEach((v) => all.add(v)),
          value: () => all.size * 1.000004,
        };
      };
    case 'quantilesDoublesSketch':
      return () => {
        const all = [];
        return { add: (row) => row[field] && all.push(...row[field]), value: () => all.length, raw: () => all };
      };
    default:
      throw new QueryError(`Aggregator type ${spec.type} is not known to the mock.`);
  }
}

function quantile(values, fraction) {
  if (!values || values.length === 0) return 'NaN';
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))];
}

function postAggregate(spec, states, result) {
  switch (spec.type) {
    case 'quantilesDoublesSketchToQuantile':
      return quantile(states[spec.field.fieldName]?.raw?.(), spec.fraction);
    case 'fieldAccess':
    case 'finalizingFieldAccess':
      return result[spec.fieldName];
    case 'constant':
      return spec.value;
    default:
      throw new QueryError(`Post-aggregator type ${spec.type} is not known to the mock.`);
  }
}

function intervalsOf(query) {
  const list = Array.isArray(query.intervals) ? query.intervals : [query.intervals];
  return list.map((text) => {
    const [from, to] = String(text).split('/').map((part) => Date.parse(part));
    if (Number.isNaN(from) || Number.isNaN(to)) throw new QueryError(`Interval ${text} is not start/end.`);
    return [from, to];
  });
}

/** Rows of an interval; tables are in order of time. */
function* rowsOf(table, intervals) {
  for (const [from, to] of intervals) {
    let low = 0;
    for (let high = table.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (table[middle].t < from) low = middle + 1;
      else high = middle;
    }
    for (; low < table.length && table[low].t < to; low += 1) yield table[low];
  }
}

const iso = (ms) => new Date(ms).toISOString();

/** What the main job declares of each rollup: granularity, dimensions, metrics with their aggregators. */
const SHAPES = {
  live_rides: ['PT1S', ['city', 'status'], {
    count: 'count', fare_sum: 'doubleSum', fare_q: 'quantilesDoublesSketch', drivers: 'HLLSketchMerge',
    riders: 'HLLSketchMerge',
  }],
  live_cells: ['PT1M', ['city', 'cell'], { requests: 'longSum', available: 'HLLSketchMerge' }],
  live_trips: ['PT1M', ['city'], {
    count: 'count', wait_sum: 'doubleSum', wait_q: 'quantilesDoublesSketch', trip_sum: 'doubleSum',
    trip_q: 'quantilesDoublesSketch',
  }],
  rides_by_minute: ['PT1M', ['city'], {
    requested: 'longSum', completed: 'longSum', cancelled: 'longSum', revenue: 'doubleSum',
  }],
  live_ratings: ['PT1M', ['gender'], { total_rides: 'longSum', rating_sum: 'doubleSum', ratings: 'longSum' }],
};

function segmentMetadata(dataSource, table) {
  const shape = SHAPES[dataSource];
  if (!shape) return [];
  const [period, dimensions, metrics] = shape;
  const columns = { __time: { type: 'LONG', cardinality: null } };
  for (const name of dimensions) {
    columns[name] = { type: 'STRING', cardinality: new Set(table.map((row) => row[name])).size };
  }
  const aggregators = {};
  for (const [name, type] of Object.entries(metrics)) {
    const whole = type === 'count' || type === 'longSum';
    columns[name] = { type: whole ? 'LONG' : 'DOUBLE', hasNulls: type !== 'count', cardinality: null };
    aggregators[name] = { type: type === 'count' ? 'longSum' : type, name, fieldName: name };
  }
  return [{ id: 'merged', columns, aggregators, queryGranularity: { type: 'period', period, timeZone: 'UTC' } }];
}

export function answer(query, tables) {
  const table = tables[query.dataSource] ?? [];
  if (query.queryType === 'segmentMetadata') return segmentMetadata(query.dataSource, table);
  if (query.queryType === 'timeBoundary') {
    if (table.length === 0) return [];
    const [minTime, maxTime] = [iso(table[0].t), iso(table[table.length - 1].t)];
    return [{ timestamp: minTime, result: { minTime, maxTime } }];
  }
  const dimensions = { timeseries: [], topN: [query.dimension], groupBy: query.dimensions }[query.queryType];
  if (!dimensions) throw new QueryError(`Query type ${query.queryType} is not known to the mock.`);
  const groups = group(query, table, dimensions);
  if (query.queryType === 'timeseries') return timeseries(query, groups);
  if (query.queryType === 'groupBy') {
    const limit = query.limitSpec?.limit ?? Infinity;
    return groups.slice(0, limit).map((g) => ({ version: 'v1', timestamp: iso(g.time), event: finish(query, g) }));
  }
  return topN(query, groups);
}

function group(query, table, dimensions) {
  const intervals = intervalsOf(query);
  const bucket = bucketMs(query.granularity);
  const match = matcher(query.filter);
  const make = (query.aggregations ?? []).map((spec) => [spec.name, aggregator(spec)]);
  const groups = new Map();
  for (const row of rowsOf(table, intervals)) {
    if (!match(row)) continue;
    const time = bucket === null ? intervals[0][0] : Math.floor(row.t / bucket) * bucket;
    const key = `${time}\u0000${dimensions.map((d) => row[d]).join('\u0000')}`;
    let found = groups.get(key);
    if (!found) {
      const values = Object.fromEntries(dimensions.map((d) => [d, row[d] ?? null]));
      const states = Object.fromEntries(make.map(([name, fresh]) => [name, fresh()]));
      groups.set(key, (found = { time, key, values, states, firstRow: row.t }));
    }
    for (const [name] of make) found.states[name].add(row);
  }
  return [...groups.values()].sort((a, b) => a.time - b.time || (a.key < b.key ? -1 : 1));
}

function finish(query, { values, states }) {
  const result = { ...values };
  for (const [name, state] of Object.entries(states)) result[name] = state.value();
  for (const spec of query.postAggregations ?? []) result[spec.name] = postAggregate(spec, states, result);
  return result;
}

function emptyGroup(query, time) {
  const states = Object.fromEntries((query.aggregations ?? []).map((spec) => [spec.name, aggregator(spec)()]));
  return { time, values: {}, states };
}

function timeseries(query, groups) {
  const bucket = bucketMs(query.granularity);
  if (bucket === null) {
    const only = groups[0] ?? emptyGroup(query, intervalsOf(query)[0][0]);
    return [{ timestamp: iso(only.firstRow ?? only.time), result: finish(query, only) }];
  }
  const byTime = new Map(groups.map((g) => [g.time, g]));
  const rows = [];
  if (groups.length === 0) return rows;
  for (let t = groups[0].time; t <= groups[groups.length - 1].time; t += bucket) {
    rows.push({ timestamp: iso(t), result: finish(query, byTime.get(t) ?? emptyGroup(query, t)) });
  }
  return rows;
}

function topN(query, groups) {
  const byTime = new Map();
  for (const g of groups) {
    const list = byTime.get(g.time) ?? [];
    list.push(finish(query, g));
    byTime.set(g.time, list);
  }
  const first = groups.reduce((least, g) => Math.min(least, g.firstRow), Infinity);
  return [...byTime].map(([time, list]) => ({
    timestamp: iso(bucketMs(query.granularity) === null ? first : time),
    result: list.sort((a, b) => b[query.metric] - a[query.metric]).slice(0, query.threshold),
  }));
}
