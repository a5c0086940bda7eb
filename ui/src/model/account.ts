// The row account: every row that went in is somewhere. Per source: polled = decoded + rejected. Per step:
// in = passed on or absorbed + filtered + late + rejected + held.
import type { JobDocument, JobNode, JobSource } from '../api/job';
import { isMain, roleOf, stepName } from './steps';

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

/** A step of the job file: the account of its rows, and of what the planner made of it. */
export interface FoldedAccount extends StepAccount {
  name: string;
  /** In the order of the rows. */
  parts: StepAccount[];
}

/**
 * One account per step of the job file. Rows come in by its first parts; behind the part that absorbs them there are
 * results, whose own filters and rejections stand with the parts. What late and rejected rows go through is a way out,
 * and counts where they leave.
 */
export function foldedAccounts(job: Pick<JobDocument, 'nodes' | 'edges'>): FoldedAccount[] {
  const steps = new Map<string, JobNode[]>();
  for (const node of job.nodes) {
    if (isSource(node)) continue;
    steps.set(stepName(node), [...(steps.get(stepName(node)) ?? []), node]);
  }
  return [...steps].map(([name, nodes]) => foldStep(name, nodes, job.edges));
}

function foldStep(name: string, nodes: JobNode[], edges: JobDocument['edges']): FoldedAccount {
  const ids = new Map(nodes.map((node) => [node.id, node]));
  const inner = edges.filter((edge) => ids.has(edge.from) && ids.has(edge.to));
  const entered = new Set(edges.filter((edge) => ids.has(edge.to) && !ids.has(edge.from)).map((edge) => edge.to));
  const doors = nodes.filter((node) => entered.has(node.id));
  const first = doors.length > 0 ? doors : nodes.slice(0, 1);
  const way = follow(first, inner.filter(isMain), ids);
  const results = new Set(follow(way.filter((node) => node.absorbed > 0), inner.filter(isMain), ids).slice(1));
  const absorbs = way.some((node) => node.absorbed > 0);
  const before = way.filter((node) => node.absorbed > 0 || !results.has(node));
  const last = way.filter((node) => !inner.some((edge) => edge.from === node.id && isMain(edge)));
  const total = (of: JobNode[], value: (node: JobNode) => number) => of.reduce((sum, node) => sum + value(node), 0);
  const out = total(last, (node) => node.rows_out);
  return {
    id: nodes[0]!.id,
    name,
    step: nodes[0]!.step,
    role: roleOf(nodes),
    in: total(first, (node) => node.rows_in),
    passed: absorbs ? null : out,
    absorbed: total(before, (node) => node.absorbed),
    filtered: total(before, (node) => node.filtered),
    late: total(before, (node) => node.late),
    rejected: total(before, (node) => node.rejected),
    held: total(before, (node) => node.held),
    results: absorbs ? out : 0,
    difference: nodes.map(stepAccount).reduce((sum, part) => sum + part.difference, 0),
    parts: nodes.map(stepAccount),
  };
}

/** These nodes and those that their rows reach, each once, in order. */
function follow(from: JobNode[], edges: JobDocument['edges'], ids: Map<number, JobNode>): JobNode[] {
  const found = [...from];
  for (let i = 0; i < found.length; i += 1) {
    for (const edge of edges) {
      const next = edge.from === found[i]!.id ? ids.get(edge.to) : undefined;
      if (next && !found.includes(next)) found.push(next);
    }
  }
  return found;
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
