// node results.mjs URL JOB FILES: waits until the job at URL has finished, then prints what it gave, sorted:
// the records of its output topics (of revised rows the last per city and window), the lines of its part
// files, the totals of its rollup. Two runs of one job over one input print the same.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [url, job, files] = process.argv.slice(2);
const get = async (path) => (await fetch(url + path)).json();

async function finished() {
  for (let i = 0; i < 3000; ++i) {
    const document = await get(`/api/v1/jobs/${job}`);
    if (document.state === "finished") return;
    if (document.state === "failed") throw new Error(`${job} failed: ${document.error}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${job} does not finish`);
}

async function records(topic, partition, offset) {
  const all = [];
  for (let next = offset, end = offset; ; ) {
    const path = `/api/v1/topics/${topic}/records?partition=${partition}&offset=${next}&limit=1000`;
    const answer = await fetch(url + path);
    for (const line of (await answer.text()).split("\n").filter(Boolean)) {
      const record = JSON.parse(line);
      all.push(`${record.key} ${record.value}`);
    }
    next = Number(answer.headers.get("X-Rideflow-Next"));
    end = Number(answer.headers.get("X-Rideflow-End"));
    if (next >= end) return all;
  }
}

function last_revisions(lines) {
  const last = new Map();
  for (const line of lines) {
    const at = line.indexOf(" {");
    const row = JSON.parse(line.slice(at + 1));
    if (!("_revision" in row)) return lines;
    const key = `${row.city} ${row.window_start}`;
    if (!(last.get(key)?._revision >= row._revision)) last.set(key, row);
  }
  return [...last.values()].map((row) => JSON.stringify(row));
}

const print = (name, lines) => console.log([`== ${name}: ${lines.length}`, ...lines.sort()].join("\n"));

await finished();
for (const { name } of await get("/api/v1/topics")) {
  if (name === "ride_events") continue;
  const lines = [];
  for (const p of (await get(`/api/v1/topics/${name}`)).partitions)
    lines.push(...(await records(name, p.partition, p.first_offset)));
  print(name, last_revisions(lines));
}
const parts = readdirSync(files).filter((name) => name.startsWith("part-"));
print("files", parts.flatMap((name) => readFileSync(join(files, name), "utf8").trim().split("\n")));
const query = {
  queryType: "groupBy", dataSource: "live", granularity: "minute", intervals: ["2000-01-01/2100-01-01"],
  dimensions: ["city", "status"],
  aggregations: [{ type: "longSum", name: "n", fieldName: "count" },
                 { type: "doubleSum", name: "fare", fieldName: "fare" },
                 { type: "hyperUnique", name: "rides", fieldName: "rides" }],
};
const answer = await fetch(`${url}/druid/v2`, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(query) });
print("rollup", (await answer.json()).map((row) => JSON.stringify(row)));
