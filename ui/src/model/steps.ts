// A job as its author sees it: one box for each step that the file names, whatever the planner made of it.
import type { JobDocument, JobEdge, JobNode } from '../api/job';

/** What the planner puts around the work of a step; alone it is the step's work. */
const HELPERS = new Set(['late_split', 'pre_project', 'post_project', 'late_project', 'project', 'late', 'rejected']);

/** An output that the planner keeps by itself for late and rejected rows, while there are none. */
export function isSilent(node: JobNode): boolean {
  return node.step.startsWith('_') && node.rows_in === 0;
}

/** A step's name as the job file says it: rows that steps below a source reject leave by the source's output. */
export function stepName(node: JobNode): string {
  return node.role === 'rejected' ? `${node.step}.rejected` : node.step;
}

/** The port of the rows that a step is there for. */
export const isMain = (edge: JobEdge) => edge.port === '' || edge.port === 'rows';

export interface Steps {
  nodes: JobNode[];
  edges: JobEdge[];
  /** How many silent outputs are left out. */
  silent: number;
}

/** One node per step: rows as they come into it, the busiest and most blocked of its parts, the least watermark. */
export function stepsOf(job: Pick<JobDocument, 'nodes' | 'edges'>): Steps {
  const kept = job.nodes.filter((node) => !isSilent(node));
  const byStep = new Map<string, JobNode[]>();
  for (const node of kept) byStep.set(stepName(node), [...(byStep.get(stepName(node)) ?? []), node]);
  const owner = new Map(kept.map((node) => [node.id, byStep.get(stepName(node))![0]!.id]));
  const entered = new Set<number>();
  const edges = new Map<string, JobEdge>();
  for (const edge of job.edges) {
    const from = owner.get(edge.from);
    const to = owner.get(edge.to);
    if (from === undefined || to === undefined || from === to) continue;
    entered.add(edge.to);
    const key = `${from} ${to} ${edge.port}`;
    const exchange = edge.exchange || (edges.get(key)?.exchange ?? false);
    edges.set(key, { from, to, port: edge.port, exchange });
  }
  const nodes = [...byStep.values()].map((parts) => fold(parts, entered));
  return { nodes, edges: [...edges.values()], silent: job.nodes.length - kept.length };
}

/** What a step does, by the parts that do its work. */
export function roleOf(parts: JobNode[]): string {
  const work = parts.filter((part) => !HELPERS.has(part.role));
  return (work.length > 0 ? work : parts.slice(0, 1)).map((part) => part.role).join(', ');
}

function fold(parts: JobNode[], entered: Set<number>): JobNode {
  const first = parts[0]!;
  const doors = parts.filter((part) => entered.has(part.id));
  const through = doors.length > 0 ? doors : [first];
  const most = (value: (node: JobNode) => number) => Math.max(...parts.map(value));
  const watermarks = parts.flatMap((part) => (part.watermark === null ? [] : [part.watermark])).sort();
  return {
    ...first,
    role: roleOf(parts),
    rows_per_second: through.reduce((total, part) => total + part.rows_per_second, 0),
    busy: most((part) => part.busy),
    blocked: most((part) => part.blocked),
    watermark: watermarks[0] ?? null,
  };
}
