// The HTTP API (docs/http-api.md), and nothing else: same origin, JSON in and out, one deadline for every call.
import type { Query, QueryRow } from './druid';
import type { JobDocument, JobListEntry, TapRow } from './job';
import { metadataQuery, shapeOf, type MetadataRow, type RollupShape } from '../model/rollup';
import { parseTime } from '../model/time';
import { authorization, noteAnswer } from './token';

export type ErrorKind = 'unreachable' | 'refused' | 'failed' | 'missing';

export class ApiError extends Error {
  constructor(
    readonly kind: ErrorKind,
    message: string,
  ) {
    super(message);
  }
}

export interface QueryAnswer<Row> {
  rows: Row[];
  /** Everything before this moment is in the answer; null when the server does not say. */
  completeTo: number | null;
  /** The server's clock minus this browser's, when the answer tells. */
  clockSkew: number | null;
}

const DEADLINE_MS = 15_000;

async function call(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), DEADLINE_MS);
  const stop = () => deadline.abort();
  signal.addEventListener('abort', stop);
  try {
    const headers = { ...authorization(), ...(init.headers as Record<string, string> | undefined) };
    const response = await fetch(path, { ...init, headers, signal: deadline.signal, cache: 'no-store' });
    noteAnswer(response.status);
    if (!response.ok) throw await errorOf(response);
    return response;
  } catch (error) {
    if (error instanceof ApiError || signal.aborted) throw error;
    throw new ApiError('unreachable', 'Rideflow does not answer at this address.');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  let message = '';
  try {
    const body = (await response.json()) as { message?: string; errorMessage?: string; error?: string };
    message = body.message ?? body.errorMessage ?? body.error ?? '';
  } catch {
    message = '';
  }
  const said = message || `The server answered with status ${response.status}.`;
  if (response.status === 401 || response.status === 403) return new ApiError('refused', said);
  if (response.status === 404) return new ApiError('missing', said);
  return new ApiError('failed', said);
}

async function json<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError('failed', 'The server sent an answer that is not JSON.');
  }
}

export async function runQuery<Row extends QueryRow>(
  query: Query,
  signal: AbortSignal,
): Promise<QueryAnswer<Row>> {
  const response = await call(
    '/druid/v2',
    { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(query) },
    signal,
  );
  const serverDate = parseTime(response.headers.get('Date'));
  return {
    rows: await json<Row[]>(response),
    completeTo: completeTo(response.headers.get('X-Druid-Response-Context')),
    clockSkew: serverDate === null ? null : serverDate + 500 - Date.now(),
  };
}

/** The `completeTo` of the header X-Druid-Response-Context. */
export function completeTo(header: string | null): number | null {
  if (!header) return null;
  try {
    return parseTime((JSON.parse(header) as { completeTo?: string }).completeTo);
  } catch {
    return null;
  }
}

/** The rollups there are, by name. */
export async function listRollups(signal: AbortSignal): Promise<string[]> {
  return (await json<string[]>(await call('/druid/v2/datasources', {}, signal))).sort();
}

/** What a rollup holds; the oldest and newest cell come from elsewhere. */
export async function readShape(rollup: string, signal: AbortSignal): Promise<RollupShape> {
  const response = await call(
    '/druid/v2',
    { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(metadataQuery(rollup)) },
    signal,
  );
  const [row] = await json<MetadataRow[]>(response);
  if (!row) throw new ApiError('missing', `There is no rollup ${rollup}.`);
  return shapeOf(rollup, row);
}

export async function listJobs(signal: AbortSignal): Promise<JobListEntry[]> {
  return json<JobListEntry[]>(await call('/api/v1/jobs', {}, signal));
}

export async function getJob(job: string, signal: AbortSignal): Promise<JobDocument> {
  return json<JobDocument>(await call(`/api/v1/jobs/${encodeURIComponent(job)}`, {}, signal));
}

export async function tapStep(job: string, step: string, limit: number, signal: AbortSignal): Promise<TapRow[]> {
  const path = `/api/v1/jobs/${encodeURIComponent(job)}/tap/${encodeURIComponent(step)}?limit=${limit}`;
  return parseLines(await (await call(path, {}, signal)).text());
}

/** Newline-delimited JSON objects; a line cut off in the middle is left out. */
export function parseLines(text: string): TapRow[] {
  const rows: TapRow[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    try {
      rows.push(JSON.parse(line) as TapRow);
    } catch {
      continue;
    }
  }
  return rows;
}
