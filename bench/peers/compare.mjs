// compare.mjs GOT EXPECTED: the rows of two directories, in whatever order, one by one: window, driver and count
// exactly, sums to nine digits (some add in order of arrival, some exactly). Ends with 1 at the first difference.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const micros = (text) =>
  /^\d+$/.test(text) ? Number(text) : Date.parse(text.replace(' ', 'T').replace(/Z?$/, 'Z')) * 1000;

function rowOf(line) {
  if (line.startsWith('{')) {
    const row = JSON.parse(line);
    return [micros(row.window_start), row.driver_id, row.rides, row.fares ?? 0];
  }
  const [start, driver, rides, fares] = line.replaceAll('"', '').split(',');
  return [micros(start), driver, Number(rides), Number(fares)];
}

function rowsOf(directory) {
  const files = readdirSync(directory, { recursive: true })
    .map(String)
    .filter((name) => /^rows(\.csv$|\/part-)/.test(name) && statSync(join(directory, name)).isFile());
  const rows = files.flatMap((name) =>
    readFileSync(join(directory, name), 'utf8').split('\n').filter(Boolean).map(rowOf));
  return new Map(rows.map((row) => [`${row[0]} ${row[1]}`, row]));
}

function fail(text) {
  console.log(`rows differ: ${text}`);
  process.exit(1);
}

const [got, expected] = process.argv.slice(2).map(rowsOf);
if (expected.size === 0) fail('nothing is expected');
if (got.size !== expected.size) fail(`${got.size} instead of ${expected.size}`);
for (const [key, [, , rides, fares]] of expected) {
  const row = got.get(key);
  if (!row) fail(`${key} is missing`);
  const near = Math.abs(row[3] - fares) <= 1e-9 * Math.max(1, Math.abs(fares));
  if (row[2] !== rides || !near) fail(`${key} has ${row[2]} and ${row[3]}, expected ${rides} and ${fares}`);
}
