// The job document of docs/http-api.md. Times are ISO-8601 text or null; shares are 0 to 1.

export interface JobListEntry {
  job: string;
  state: string;
}

export interface JobNode {
  id: number;
  step: string;
  role: string;
  parallelism: number;
  rows_in: number;
  rows_out: number;
  rows_per_second: number;
  filtered: number;
  absorbed: number;
  late: number;
  rejected: number;
  held: number;
  busy: number;
  blocked: number;
  idle: number;
  watermark: string | null;
  state_keys: number;
  state_bytes: number;
}

export interface JobEdge {
  from: number;
  to: number;
  port: string;
  exchange: boolean;
}

export interface SourcePartition {
  partition: number;
  position: number;
  end: number;
  watermark: string | null;
  idle: boolean;
  /** Too far ahead of another partition, which is read meanwhile; absent in older servers. */
  paused?: boolean;
  waits_for?: number | null;
}

export interface SourceFile {
  path: string;
  /** found, reading, done or refused. */
  state: string;
  read: number;
  size: number;
  note: string | null;
}

export interface SourceFiles {
  found: number;
  reading: number;
  done: number;
  refused: number;
  /** The most telling of them. */
  list: SourceFile[];
}

/** Something outside the process that a step waits for. */
export interface Waiting {
  step: string;
  for: string;
  since: string | null;
}

export interface JobSource {
  source: string;
  polled: number;
  decoded: number;
  rejected: number;
  bytes: number;
  lag: number;
  partitions: SourcePartition[];
  /** Idle sources that have yet to prove their end again before the watermark may move. */
  watermark_waits_for?: string[];
  /** Of a source of files. */
  files?: SourceFiles | null;
}

export interface Checkpoint {
  epoch: number;
  started_at: string | null;
  duration_ms: number | null;
  bytes: number | null;
  state: string;
}

/** One run of the job's tasks, ended by a failure unless `error` is null. */
export interface Attempt {
  attempt: number;
  started_at: string | null;
  ended_at: string | null;
  error: string | null;
}

export interface JobDocument {
  job: string;
  description: string;
  state: string;
  lineage: string;
  started_at: string | null;
  parallelism: number;
  error: string | null;
  watermark: string | null;
  watermark_held_by: { source: string; partition: number; watermark: string | null } | null;
  waiting?: Waiting[];
  nodes: JobNode[];
  edges: JobEdge[];
  sources: JobSource[];
  checkpoints: Checkpoint[];
  /** Newest first; absent in older servers. */
  attempts?: Attempt[];
  /** Of a job that was submitted: running, stopped or cancelled. */
  wanted?: string;
  version?: number;
}

export type TapRow = Record<string, unknown>;
