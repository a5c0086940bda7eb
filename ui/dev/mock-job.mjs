// A job document that moves: the main job's graph with counters that grow with time and always add up.

import { CITIES } from './mock-world.mjs';

const CHECKPOINT_MS = 5000;
const LATE_SHARE = 0.0004;
const REJECTED_SHARE = 0.0009;

const SOURCES = [
  { source: 'rides', rate: 61, partitions: 4, bytes: 342 },
  { source: 'vehicles', rate: 236, partitions: 4, bytes: 208 },
  { source: 'users', rate: 24, partitions: 4, bytes: 1180 },
];

/** step, role, inputs, what becomes of a row: passed share, absorbed, results per second, held share, busy. */
const STEPS = [
  { step: 'rides', role: 'source', source: 'rides', busy: 0.11 },
  { step: 'vehicles', role: 'source', source: 'vehicles', busy: 0.23 },
  { step: 'users', role: 'source', source: 'users', busy: 0.05 },
  { step: 'city_minute', role: 'window', from: ['rides'], key: true, results: 0.1, late: true, busy: 0.14, keys: 1240 },
  { step: 'trips', role: 'window', from: ['rides'], key: true, results: 11.4, held: 900, busy: 0.19, keys: 14_310 },
  { step: 'trip_seconds', role: 'filter', from: ['trips'], pass: 0.89, busy: 0.01 },
  { step: 'demand', role: 'filter', from: ['rides'], pass: 0.21, busy: 0.02 },
  { step: 'supply', role: 'filter', from: ['vehicles'], pass: 0.46, busy: 0.06 },
  { step: 'supply_and_demand', role: 'union', from: ['demand', 'supply'], pass: 1, busy: 0.01 },
  { step: 'ratings_by_gender', role: 'window', from: ['users'], key: true, results: 0.07, busy: 0.02, keys: 4 },
  { step: 'live_rides', role: 'sink', from: ['rides'], busy: 0.17 },
  { step: 'live_cells', role: 'sink', from: ['supply_and_demand'], key: true, busy: 0.12 },
  { step: 'live_trips', role: 'sink', from: ['trip_seconds'], key: true, busy: 0.01 },
  { step: 'rides_by_minute', role: 'sink', from: ['city_minute'], busy: 0.01 },
  { step: 'live_ratings', role: 'sink', from: ['ratings_by_gender'], busy: 0.004 },
  { step: 'city_minutes', role: 'sink', from: ['city_minute'], busy: 0.004 },
  { step: 'ride_times', role: 'sink', from: ['trips'], busy: 0.03 },
  { step: 'aggregate_user_ratings', role: 'sink', from: ['ratings_by_gender'], busy: 0.004 },
  { step: 'late_rides', role: 'sink', from: ['city_minute'], port: 'late', busy: 0.001 },
  { step: 'rejected_rides', role: 'sink', from: ['rides'], port: 'rejected', busy: 0.001 },
];

const iso = (ms) => new Date(ms).toISOString();
const wave = (t, i) => 1 + 0.08 * Math.sin(t / 9000 + i * 1.7) + 0.04 * Math.sin(t / 2100 + i);

export function jobDocument(started, now) {
  const seconds = (now - started) / 1000 + 3600;
  const sources = SOURCES.map((s, i) => sourceAt(s, i, seconds, now));
  const nodes = nodesAt(sources, seconds, now);
  const ids = new Map(STEPS.map((s, i) => [s.step, i]));
  const edges = STEPS.flatMap((s, to) =>
    (s.from ?? []).map((from) => ({ from: ids.get(from), to, port: s.port ?? '', exchange: s.key === true })),
  );
  const held = sources[0].partitions[2];
  return {
    job: 'ride_metrics',
    description: 'Live rides, money, waiting times, supply and demand per city and minute.',
    state: 'running',
    lineage: '5f0c9a7e21b84d3f',
    started_at: iso(started),
    parallelism: 2,
    error: null,
    watermark: held.watermark,
    watermark_held_by: { source: 'rides', partition: 2, watermark: held.watermark },
    nodes,
    edges,
    sources,
    checkpoints: checkpointsAt(started, now),
    attempts: attemptsAt(started),
  };
}

function sourceAt({ source, rate, partitions, bytes }, index, seconds, now) {
  const polled = Math.floor(rate * seconds);
  const rejected = source === 'rides' ? Math.floor(polled * REJECTED_SHARE) : 0;
  const position = (p) => Math.floor((polled * (p + 1)) / partitions) - Math.floor((polled * p) / partitions);
  const lag = (p) => (Math.floor(now / 1000) * 7 + p * 3 + index) % 5 === 0 ? (p + index) % 4 : 0;
  const list = Array.from({ length: partitions }, (_, p) => ({
    partition: p,
    position: position(p),
    end: position(p) + lag(p),
    watermark: iso(now - 5000 - 130 * ((p * 7 + index * 3) % 9) - (index === 0 && p === 2 ? 1400 : 0)),
    idle: source === 'users' && p === 3,
  }));
  return {
    source,
    polled,
    decoded: polled - rejected,
    rejected,
    bytes: polled * bytes,
    lag: list.reduce((total, p) => total + p.end - p.position, 0),
    partitions: list,
  };
}

/** What flows out of each step, in the order of STEPS, so that every step's in is its inputs' out. */
function nodesAt(sources, seconds, now) {
  const flows = new Map();
  return STEPS.map((step, id) => {
    const flow = flowOf(step, flows, sources, seconds);
    flows.set(step.step, flow);
    const busy = Math.min(1, step.busy * wave(now, id));
    const blocked = step.step === 'vehicles' ? 0.09 * wave(now, 3) : 0;
    return {
      id,
      step: step.step,
      role: step.role,
      parallelism: 2,
      rows_in: flow.in,
      rows_out: flow.out,
      rows_per_second: Math.max(0, flow.perSecond * wave(now, id)),
      filtered: flow.filtered,
      absorbed: flow.absorbed,
      late: flow.late,
      rejected: flow.rejected,
      held: flow.held,
      busy,
      blocked,
      idle: Math.max(0, 1 - busy - blocked),
      watermark: iso(now - 6200 - 40 * id),
      state_keys: step.keys ?? 0,
      state_bytes: (step.keys ?? 0) * 212,
    };
  });
}

function flowOf(step, flows, sources, seconds) {
  const flow = { in: 0, out: 0, filtered: 0, absorbed: 0, late: 0, rejected: 0, held: 0, perSecond: 0 };
  if (step.source) {
    const source = sources.find((s) => s.source === step.source);
    flow.in = source.polled;
    flow.out = source.decoded;
    flow.rejected = source.rejected;
    flow.perSecond = SOURCES.find((s) => s.source === step.source).rate;
    return flow;
  }
  const inputs = step.from.map((name) => flows.get(name));
  if (step.port) {
    flow.in = inputs.reduce((total, f) => total + f[step.port], 0);
    flow.absorbed = flow.in;
    flow.perSecond = flow.in / seconds;
    return flow;
  }
  flow.in = inputs.reduce((total, f) => total + f.out, 0);
  const inPerSecond = inputs.reduce((total, f) => total + f.perSecond, 0);
  if (step.role === 'sink') {
    flow.absorbed = flow.in;
    flow.perSecond = inPerSecond;
  } else if (step.results !== undefined) {
    flow.late = step.late ? Math.floor(flow.in * LATE_SHARE) : 0;
    flow.held = step.held ?? 0;
    flow.absorbed = flow.in - flow.late - flow.held;
    flow.out = Math.floor(step.results * seconds);
    flow.perSecond = step.results;
  } else {
    flow.out = Math.floor(flow.in * step.pass);
    flow.filtered = flow.in - flow.out;
    flow.perSecond = inPerSecond * step.pass;
  }
  return flow;
}

function attemptsAt(started) {
  const at = (ms) => new Date(started + ms).toISOString();
  return [
    { attempt: 2, started_at: at(1000), ended_at: null, error: null },
    { attempt: 1, started_at: at(-60000), ended_at: at(0), error: 'out: no room left on the device' },
  ];
}

function checkpointsAt(started, now) {
  const last = Math.floor((now - started) / CHECKPOINT_MS) + 40;
  return Array.from({ length: Math.min(50, last) }, (_, i) => {
    const epoch = last - i;
    const jitter = (Math.sin(epoch * 12.9898) * 43758.5453) % 1;
    const bytes = Math.round(1_240_000 + 2100 * epoch + 90_000 * jitter);
    return {
      epoch,
      started_at: iso(started + (epoch - 40) * CHECKPOINT_MS),
      duration_ms: 24 + 14 * Math.abs(jitter) + (epoch % 17 === 0 ? 38 : 0),
      bytes,
      state: 'complete',
    };
  });
}

export function tapRows(step, limit, now) {
  const known = STEPS.find((s) => s.step === step);
  if (!known) return null;
  return Array.from({ length: limit }, (_, i) => tapRow(known, now - (limit - i) * 180, i));
}

function tapRow(step, t, i) {
  const n = Math.floor(t / 180);
  const city = CITIES[n % CITIES.length];
  if (step.step === 'vehicles') {
    return {
      vehicle_id: `v-${1000 + (n % 4000)}`,
      city: city.city,
      status: ['available', 'on_trip', 'offline'][n % 3],
      location: { lat: city.lat + (n % 11) / 100, lon: city.lon - (n % 7) / 100 },
      event_timestamp: iso(t),
    };
  }
  if (step.role === 'window' && step.step === 'city_minute') {
    const start = Math.floor(t / 60_000) * 60_000 - 120_000;
    return { city: city.city, window_start: iso(start), window_end: iso(start + 60_000), requested: 40 + (n % 37) };
  }
  return {
    ride_id: `r-${n.toString(36)}`,
    city: city.city,
    status: ['requested', 'driver_assigned', 'ride_started', 'ride_completed', 'ride_cancelled'][(n + i) % 5],
    fare: (n + i) % 5 === 3 ? Math.round((8 + (n % 40)) * 100) / 100 : null,
    ride_timestamp: iso(t),
  };
}
