// A made-up service that looks like the main job's rollups: rows of live_rides, live_cells, live_trips,
// rides_by_minute and live_ratings, by second for the last hour and by minute for the day before.
// The same seed and start give the same rows.

export const CITIES = [
  { city: 'chicago', lat: 41.88, lon: -87.63, rides: 1.9, fare: 17 },
  { city: 'houston', lat: 29.76, lon: -95.37, rides: 1.1, fare: 19 },
  { city: 'los_angeles', lat: 34.05, lon: -118.24, rides: 2.9, fare: 22 },
  { city: 'miami', lat: 25.76, lon: -80.19, rides: 0.8, fare: 18 },
  { city: 'new_york', lat: 40.75, lon: -73.98, rides: 4.6, fare: 21 },
  { city: 'san_francisco', lat: 37.77, lon: -122.42, rides: 1.6, fare: 24 },
];

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Rows behind this are no longer expected; a multiple of the checkpoint's period later they are complete. */
const OUT_OF_ORDER = 5 * SECOND;
const CHECKPOINT = 5 * SECOND;

function mix(...parts) {
  let h = 0x9e3779b9;
  for (const part of parts) {
    h = Math.imul(h ^ (part | 0), 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}

/** A generator of numbers in [0, 1) for one place and time. */
function randomAt(...parts) {
  let state = mix(...parts);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function poisson(mean, random) {
  if (mean > 40) return Math.max(0, Math.round(mean + Math.sqrt(mean) * gauss(random)));
  const limit = Math.exp(-mean);
  let k = 0;
  for (let p = random(); p > limit; p *= random()) k += 1;
  return k;
}

function gauss(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const hourOf = (t) => (t / HOUR) % 24;

/** Rides a second: morning and evening peaks, and waves of a few minutes that differ from city to city. */
function demand(city, index, t) {
  const hour = (hourOf(t) + city.lon / 15 + 48) % 24;
  const peak = (at, width) => Math.exp(-(((hour - at + 36) % 24 - 12) ** 2) / (2 * width * width));
  const day = 0.55 + 0.5 * peak(8.5, 1.8) + 0.8 * peak(18.5, 2.6) + 0.2 * peak(23, 1.5);
  const waves = 1 + 0.16 * Math.sin(t / 97_000 + index * 2.1) + 0.09 * Math.sin(t / 31_000 + index);
  return city.rides * day * waves;
}

const fareAt = (city, random) => Math.max(4, city.fare * Math.exp(0.45 * gauss(random)));

/** Rows of live_rides of one city for `length` ms from t. */
function rideRows(seed, city, index, t, length) {
  const random = randomAt(seed, index, t / SECOND, length);
  const seconds = length / SECOND;
  const base = demand(city, index, t) * seconds;
  const counts = {
    requested: poisson(base, random),
    driver_assigned: poisson(base * 0.97, random),
    ride_started: poisson(base * 0.9, random),
    ride_completed: poisson(base * 0.875, random),
    ride_cancelled: poisson(base * (0.085 + 0.03 * Math.sin(t / 210_000 + index)), random),
  };
  const drivers = Math.round(city.rides * 190);
  const rows = [];
  for (const [status, count] of Object.entries(counts)) {
    if (count === 0) continue;
    const row = { t, city: city.city, status, count, fare_sum: 0, fare_q: [], drivers: new Set(), riders: new Set() };
    const samples = Math.min(count, 60);
    for (let i = 0; i < samples; i += 1) {
      if (status === 'ride_completed') row.fare_q.push(fareAt(city, random));
      if (status !== 'requested') row.drivers.add(index * 100_000 + Math.floor(random() * drivers));
      row.riders.add(index * 1_000_000 + Math.floor(random() * drivers * 9));
    }
    if (status === 'ride_completed') row.fare_sum = (row.fare_q.reduce((a, b) => a + b, 0) * count) / samples;
    rows.push(row);
  }
  return rows;
}

/** Requests and available vehicles per cell of 0.01 degrees; demand gathers in the centre and at one airport. */
function cellRows(seed, city, index, t) {
  const rows = [];
  const radius = 3 + Math.round(city.rides * 0.9);
  const total = demand(city, index, t) * 60;
  for (let x = -radius; x <= radius; x += 1) {
    for (let y = -radius; y <= radius; y += 1) {
      const far = Math.hypot(x, y * 1.15);
      const fixed = randomAt(seed, 77, index, x, y);
      if (far > radius + 0.4 || fixed() < 0.12) continue;
      const centre = Math.exp(-(far * far) / (radius * 1.1));
      const airport = x === radius - 2 && y === -1 ? 0.8 : 0;
      const random = randomAt(seed, index, x, y, t / MINUTE);
      const wants = (centre + airport + 0.06) * (0.7 + 0.6 * fixed());
      const drift = 1 + 0.35 * Math.sin(t / 500_000 + x * 0.9 + index);
      const requests = poisson((total / (radius * 3.4)) * wants * drift, random);
      const vehicles = poisson((total / (radius * 2)) * (0.35 * centre + 0.16) * (0.5 + fixed()), random);
      if (requests + vehicles === 0) continue;
      const first = (index * 10_000 + (x + 50) * 100 + y + 50) * 1000;
      const available = new Set(Array.from({ length: vehicles }, (_, i) => first + i));
      const cell = `${(city.lat + y * 0.01).toFixed(2)},${(city.lon + x * 0.01).toFixed(2)}`;
      rows.push({ t, city: city.city, cell, requests, available });
    }
  }
  return rows;
}

function tripRow(seed, city, index, t) {
  const random = randomAt(seed, 5, index, t / MINUTE);
  const count = poisson(demand(city, index, t) * 52, random);
  const wait = (200 + 60 * Math.sin(t / 900_000 + index)) * (1 + 0.04 * index);
  const samples = Math.min(40, count);
  const row = { t, city: city.city, count, wait_sum: 0, wait_q: [], trip_sum: 0, trip_q: [] };
  for (let i = 0; i < samples; i += 1) {
    row.wait_q.push(Math.max(30, wait * Math.exp(0.4 * gauss(random))));
    row.trip_q.push(Math.max(120, 940 * Math.exp(0.5 * gauss(random))));
  }
  return row;
}

function ratingRows(seed, t) {
  return ['F', 'M'].map((gender, i) => {
    const random = randomAt(seed, 9, i, t / MINUTE);
    const mean = 4.27 + 0.06 * i + 0.02 * gauss(random);
    return { t, gender, total_rides: poisson(5200, random), rating_sum: 5200 * mean, ratings: 5200 };
  });
}

export class World {
  /** `start`: the first event, `now`: a function of the wall clock. */
  constructor({ seed = 7, history = 24 * HOUR, fine = 90 * MINUTE, now = Date.now } = {}) {
    this.seed = seed;
    this.now = now;
    this.started = Math.floor(now() / MINUTE) * MINUTE;
    this.first = this.started - history;
    this.fineFrom = Math.max(this.first, this.started - fine);
    this.tables = { live_rides: [], live_cells: [], live_trips: [], rides_by_minute: [], live_ratings: [] };
    this.rideTime = this.first;
    this.minuteTime = this.first;
    this.finalTime = this.first;
    this.advance();
  }

  /** Everything before this is complete. */
  completeTo() {
    return Math.floor((this.now() - OUT_OF_ORDER) / CHECKPOINT) * CHECKPOINT;
  }

  /** Adds the rows of the time that has passed. Rows of a second appear when the second is over. */
  advance() {
    const now = this.now();
    const { live_rides: rides, rides_by_minute: final } = this.tables;
    for (;;) {
      const length = this.rideTime < this.fineFrom ? MINUTE : SECOND;
      if (this.rideTime + length > now) break;
      CITIES.forEach((city, i) => rides.push(...rideRows(this.seed, city, i, this.rideTime, length)));
      this.rideTime += length;
    }
    for (; this.minuteTime + SECOND <= now; this.minuteTime += MINUTE) {
      CITIES.forEach((city, i) => {
        this.tables.live_cells.push(...cellRows(this.seed, city, i, this.minuteTime));
        this.tables.live_trips.push(tripRow(this.seed, city, i, this.minuteTime));
      });
      this.tables.live_ratings.push(...ratingRows(this.seed, this.minuteTime));
    }
    for (; this.finalTime + MINUTE + 35 * SECOND <= now; this.finalTime += MINUTE) this.finish(final);
  }

  /** One final row per city for the minute that just became final. */
  finish(final) {
    const from = this.finalTime;
    const byCity = new Map();
    const { live_rides: rides } = this.tables;
    this.finalIndex ??= 0;
    for (; this.finalIndex < rides.length && rides[this.finalIndex].t < from + MINUTE; this.finalIndex += 1) {
      const row = rides[this.finalIndex];
      let sum = byCity.get(row.city);
      if (!sum) {
        sum = { t: from, city: row.city, requested: 0, completed: 0, cancelled: 0, revenue: 0 };
        byCity.set(row.city, sum);
      }
      if (row.status === 'requested') sum.requested += row.count;
      if (row.status === 'ride_completed') sum.completed += row.count;
      if (row.status === 'ride_cancelled') sum.cancelled += row.count;
      sum.revenue += row.fare_sum;
    }
    final.push(...byCity.values());
  }
}
