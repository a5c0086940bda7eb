// independent.mjs < rides: what jobs/results.yaml must say of these rides, computed without any of its code: one line
// "city minute n fare first dear" per city and minute. With --read, the same lines from the JSON rows of the job.
import { readFileSync } from "node:fs";

const rows = readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
const lines = [];
if (process.argv[2] === "--read") {
  for (const r of rows) lines.push([r.city, r.window_start.slice(0, 16), r.n, r.fare, r.first, r.dear]);
} else {
  const cells = new Map();
  for (const { id, city, fare, at } of rows) {
    const key = `${city} ${at.slice(0, 16)}`;
    const cell = cells.get(key) ?? { n: 0, fare: 0, first: Infinity, dear: 0 };
    cell.n += 1;
    cell.fare += fare;
    cell.first = Math.min(cell.first, id);
    cell.dear += fare > 30 ? 1 : 0;
    cells.set(key, cell);
  }
  for (const [key, c] of cells) lines.push([...key.split(" "), c.n, c.fare, c.first, c.dear]);
}
console.log(lines.map((l) => l.join(" ")).sort().join("\n"));
