#!/usr/bin/env node
// The HTTP API of docs/http-api.md over made-up data, and ui/dist: for work on the console and its tests.
//   node dev/mock-server.mjs [--port 8083] [--history MINUTES] [--fine MINUTES] [--dist DIR]
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer, QueryError } from './mock-query.mjs';
import { jobDocument, tapRows } from './mock-job.mjs';
import { World } from './mock-world.mjs';

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};

const port = Number(option('port', '8083'));
const history = Number(option('history', '1440')) * 60_000;
const fine = Number(option('fine', '90')) * 60_000;
const dist = option('dist', fileURLToPath(new URL('../dist', import.meta.url)));
const started = Date.now() - 754_000;
const world = new World({ history, fine });

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const CONSOLE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
};

function send(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

async function query(request, response) {
  world.advance();
  try {
    const rows = answer(JSON.parse(await bodyOf(request)), world.tables);
    const context = JSON.stringify({ completeTo: new Date(world.completeTo()).toISOString() });
    send(response, 200, rows, { 'X-Druid-Response-Context': context });
  } catch (error) {
    const known = error instanceof QueryError || error instanceof SyntaxError;
    send(response, known ? 400 : 500, { error: 'Unknown exception', errorMessage: error.message });
  }
}

async function file(path, response) {
  const name = normalize(path === '/' ? '/index.html' : path);
  try {
    const body = await readFile(join(dist, name));
    const type = TYPES[extname(name)] ?? 'application/octet-stream';
    send(response, 200, body, { 'Content-Type': type, ...CONSOLE_HEADERS });
  } catch {
    send(response, 404, { error: 'not_found', message: `There is nothing at ${path}.` });
  }
}

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const path = url.pathname;
  if (request.method === 'POST' && /^\/druid\/v2\/?$/.test(path)) return void query(request, response);
  if (path === '/status') return send(response, 200, { version: 'mock', modules: [], memory: {} });
  if (path === '/status/health') return send(response, 200, true);
  if (/^\/druid\/v2\/datasources\/?$/.test(path)) return send(response, 200, Object.keys(world.tables));
  if (path === '/api/v1/jobs') return send(response, 200, [{ job: 'ride_metrics', state: 'running' }]);
  const job = /^\/api\/v1\/jobs\/([^/]+)(?:\/tap\/([^/]+))?$/.exec(path);
  if (job) {
    if (decodeURIComponent(job[1]) !== 'ride_metrics') {
      return send(response, 404, { error: 'not_found', message: `There is no job ${decodeURIComponent(job[1])}.` });
    }
    if (job[2] === undefined) return send(response, 200, jobDocument(started, Date.now()));
    const rows = tapRows(decodeURIComponent(job[2]), Number(url.searchParams.get('limit') ?? 20), Date.now());
    if (rows === null) return send(response, 404, { error: 'not_found', message: `There is no step ${job[2]}.` });
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    return send(response, 200, text, { 'Content-Type': 'application/x-ndjson' });
  }
  return void file(path, response);
});

server.listen(port, '127.0.0.1', () => {
  console.log(`mock of Rideflow at http://127.0.0.1:${server.address().port}/`);
});
