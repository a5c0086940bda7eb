// city_minutes.mjs FILE: per city and minute of ride events, "city minute requested completed cancelled revenue", for
// the minutes that ended two minutes before the last event: those every partition has gone past.
// With --read WANTED, the same lines from the rows of the main job's topic (stdin), each once, of WANTED's minutes.
import { readFileSync } from "node:fs";

const parse = (text) => text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
const line = (city, minute, c) =>
  [city, minute, c.requested, c.completed, c.cancelled, (c.revenue ?? 0).toFixed(4)].join(" ");
const lines = new Set();
if (process.argv[2] === "--read") {
  const wanted = readFileSync(process.argv[3], "utf8").split("\n").filter(Boolean);
  const minutes = new Set(wanted.map((text) => text.split(" ").slice(0, -4).join(" ")));
  for (const row of parse(readFileSync(0, "utf8"))) {
    const minute = row.window_start.slice(0, 16);
    if (minutes.has(`${row.city} ${minute}`)) lines.add(line(row.city, minute, row));
  }
} else {
  const cells = new Map();
  let last = 0;
  for (const { city, status, fare, ride_timestamp } of parse(readFileSync(process.argv[2], "utf8"))) {
    last = Math.max(last, Date.parse(ride_timestamp));
    const minute = ride_timestamp.slice(0, 16);
    const key = `${city}|${minute}`;
    const cell = cells.get(key) ?? { city, minute, requested: 0, completed: 0, cancelled: 0, revenue: 0 };
    cells.set(key, cell);
    if (status === "requested") cell.requested += 1;
    if (status === "ride_completed") cell.completed += 1;
    if (status === "ride_cancelled") cell.cancelled += 1;
    if (status === "ride_completed" && fare !== null && fare !== undefined) cell.revenue += fare;
  }
  for (const cell of cells.values()) {
    if (Date.parse(`${cell.minute}:00Z`) + 180_000 <= last) lines.add(line(cell.city, cell.minute, cell));
  }
}
console.log([...lines].sort().join("\n"));
