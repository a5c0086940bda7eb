// What the console is tested against: the mock, or the real process on a data directory of its own.
import { spawn } from 'node:child_process';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function start(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => (output = (output + data).slice(-20_000)));
  }
  const ended = new Promise((resolve) => child.once('close', resolve));
  return { child, ended, output: () => output };
}

async function stop({ child, ended }, cleanup) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
  await cleanup?.();
}

async function answering(base, path, process, timeoutMs) {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const code = process.child.exitCode;
    if (code !== null) throw new Error(`It ended with ${code}:\n${process.output()}`);
    try {
      if ((await fetch(base + path)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Nothing answers at ${base}${path}:\n${process.output()}`);
}

/** A young service is made up sooner. */
const SHORT = ['--history', '130', '--fine', '20'];

export async function startMock(root) {
  const port = await freePort();
  const args = [join(root, 'ui/dev/mock-server.mjs'), '--port', String(port), ...SHORT];
  const process_ = start(process.execPath, args, root);
  const base = `http://127.0.0.1:${port}`;
  await answering(base, '/status/health', process_, 30_000);
  return { base, stop: () => stop(process_) };
}

export async function startReal(root, build) {
  if (process.env.RIDEFLOW_URL) return { base: process.env.RIDEFLOW_URL.replace(/\/$/, ''), stop: async () => {} };
  const binary = join(build, 'rideflow');
  await access(binary, constants.X_OK).catch(() => {
    throw new Error(`${build} has no rideflow: run scripts/build ${basename(build)} rideflow.`);
  });
  const port = await freePort();
  const data = await mkdtemp(join(tmpdir(), 'rideflow-browser-'));
  const job = join(root, 'jobs/ride_metrics/ride_metrics.yaml');
  const args = ['dev', job, '--data-dir', data, '--listen', `127.0.0.1:${port}`];
  const extra = (process.env.RIDEFLOW_DEV_ARGS ?? '--generate 500/s').split(' ').filter(Boolean);
  const process_ = start(binary, [...args, ...extra], root);
  const base = `http://127.0.0.1:${port}`;
  const remove = () => rm(data, { recursive: true, force: true });
  try {
    await answering(base, '/status/health', process_, 60_000);
  } catch (error) {
    await stop(process_, remove);
    throw error;
  }
  return { base, stop: () => stop(process_, remove) };
}
