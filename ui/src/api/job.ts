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
}

export interface JobSource {
  source: string;
  polled: number;
  decoded: number;
  rejected: number;
  bytes: number;
  lag: number;
  partitions: SourcePartition[];
}

export interface Checkpoint {
  epoch: number;
  started_at: string | null;
  duration_ms: number | null;
  bytes: number | null;
  state: string;
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
  nodes: JobNode[];
  edges: JobEdge[];
  sources: JobSource[];
  checkpoints: Checkpoint[];
}

export type TapRow = Record<string, unknown>;
