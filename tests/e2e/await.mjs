// node await.mjs SECONDS EXPRESSION URL…: asks for the JSON documents until the expression is true of each. One
// process for all of it: to start one takes longer than an answer.
//
// In the expression `d` is the document, `first` what it was at its first answer, `newest(d)` a job's newest complete
// checkpoint. The limit is in seconds of the machine's own time (patience.sh). At its end the documents go to stderr.
import {cpus, loadavg} from "node:os";

const [seconds, expression, ...urls] = process.argv.slice(2);
const newest = (d) => Math.max(0, ...d.checkpoints.filter((c) => c.state == "complete").map((c) => c.epoch));
const holds = new Function("d", "first", "newest", `return (${expression});`);

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const own = (ms) => ms / Math.max(1, Math.floor(Math.floor(loadavg()[0]) / cpus().length));

// The document, or why there is none.
async function ask(url) {
  try {
    const answer = await fetch(url);
    return answer.ok ? {document: await answer.json()} : {why: `status ${answer.status}`};
  } catch (e) {
    return {why: String(e.cause ?? e)};
  }
}

// True when the expression became true in time.
async function becomes_true(url) {
  let first;
  for (let left = seconds * 1000; ; ) {
    const begin = performance.now();
    const {document, why} = await ask(url);
    first ??= document;
    if (document !== undefined && holds(document, first, newest)) return true;
    if (left <= 0) {
      console.error(url, why ?? JSON.stringify(document));
      return false;
    }
    await pause(50);
    left -= own(performance.now() - begin);
  }
}

const all = await Promise.all(urls.map(becomes_true));
process.exit(all.every(Boolean) ? 0 : 1);
