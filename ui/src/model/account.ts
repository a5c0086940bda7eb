// The row account: every row that went in is somewhere. Per source: polled = decoded + rejected. Per step:
// in = passed on or absorbed + filtered + late + rejected + held.
import type { JobDocument, JobNode, JobSource } from '../api/job';

export interface StepAccount {
  id: number;
  step: string;
  role: string;
  in: number;
  /** Rows that left as they came in; null for steps that absorb rows and give new ones. */
  passed: number | null;
  absorbed: number;
  filtered: number;
  late: number;
  rejected: number;
  held: number;
  /** New rows made from absorbed ones (windows). */
  results: number;
  difference: number;
}

export interface SourceAccount {
  source: string;
  polled: number;
  decoded: number;
  rejected: number;
  difference: number;
}

export function sourceAccount(source: JobSource): SourceAccount {
  const { polled, decoded, rejected } = source;
  return { source: source.source, polled, decoded, rejected, difference: polled - decoded - rejected };
}

/** Sources have an account of their own; a step that absorbed a row absorbs them all. */
export function stepAccount(node: JobNode): StepAccount {
  const absorbs = node.absorbed > 0;
  const passed = absorbs ? null : node.rows_out;
  const out = (passed ?? 0) + node.absorbed + node.filtered + node.late + node.rejected + node.held;
  return {
    id: node.id,
    step: node.step,
    role: node.role,
    in: node.rows_in,
    passed,
    absorbed: node.absorbed,
    filtered: node.filtered,
    late: node.late,
    rejected: node.rejected,
    held: node.held,
    results: absorbs ? node.rows_out : 0,
    difference: node.rows_in - out,
  };
}

export function isSource(node: JobNode): boolean {
  return node.role === 'source';
}

export function stepAccounts(job: JobDocument): StepAccount[] {
  return job.nodes.filter((node) => !isSource(node)).map(stepAccount);
}

/**
 * Counters are read while rows move, so that one reading may catch a batch between two of them. A difference is
 * real when several readings in a row have one of the same sign; what stays of it is the smallest.
 */
export class DifferenceWatch {
  private readonly readings = new Map<string, number[]>();

  constructor(private readonly needed = 3) {}

  /** Records one reading and answers the difference that lasted, or 0. */
  settle(key: string, difference: number): number {
    const recent = [...(this.readings.get(key) ?? []), difference].slice(-this.needed);
    this.readings.set(key, recent);
    if (recent.length < this.needed) return 0;
    if (recent.every((d) => d > 0)) return Math.min(...recent);
    if (recent.every((d) => d < 0)) return Math.max(...recent);
    return 0;
  }
}
