// The job's graph: every step with its speed and how its last second went, every edge as wide as its flow.
import { useMemo } from 'preact/hooks';
import type { JobDocument, JobEdge, JobNode } from '../../api/job';
import { age, percent, rate } from '../../model/format';
import { layoutGraph, NODE_HEIGHT, NODE_WIDTH, type PlacedNode } from '../../model/graph';
import { isMain, stepName, stepsOf } from '../../model/steps';
import { parseTime } from '../../model/time';
import { useNarrow } from '../../parts/use_narrow';
import { StepList } from './step_list';

interface Props {
  job: JobDocument;
  step: string | null;
  chooseStep: (step: string | null) => void;
}

const PAD = 4;
export function JobGraph({ job, step, chooseStep }: Props) {
  const narrow = useNarrow();
  const { nodes, edges, silent } = stepsOf(job);
  const shape = JSON.stringify([nodes.map((n) => [n.id, n.step, n.role]), edges]);
  const layout = useMemo(() => layoutGraph(nodes, edges), [shape]);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return (
    <section class="panel graph-panel" aria-labelledby="panel-graph">
      <header class="panel-head">
        <div>
          <h2 id="panel-graph">Steps</h2>
          <p class="note">
            Rows per second into each step. Choose a step to see its rows.
            {silent > 0 && ` Not drawn: ${silent} empty outputs for late and rejected rows.`}
          </p>
        </div>
        <p class="graph-key">
          <span><i class="key-busy" />Busy</span>
          <span><i class="key-blocked" />Blocked by a slower step</span>
          <span><i class="key-idle" />Idle</span>
        </p>
      </header>
      {narrow && (
        <StepList nodes={layout.nodes.map(({ node }) => byId.get(node.id) ?? node)} edges={edges} step={step}
          chooseStep={chooseStep} />
      )}
      {!narrow && <div class="scroll-x graph-scroll" tabIndex={0} role="group" aria-label="Graph of the job">
        <svg
          class="graph"
          width={layout.width + 2 * PAD}
          height={layout.height + 2 * PAD}
          viewBox={`${-PAD} ${-PAD} ${layout.width + 2 * PAD} ${layout.height + 2 * PAD}`}
        >
          <g>
            {layout.edges.map(({ edge, path }) => (
              <Edge key={`${edge.from} ${edge.to} ${edge.port}`} edge={edge} path={path} from={byId.get(edge.from)} />
            ))}
          </g>
          {layout.nodes.map((placed) => (
            <Node
              key={placed.node.id}
              placed={placed}
              node={byId.get(placed.node.id) ?? placed.node}
              chosen={step === placed.node.step}
              choose={() => chooseStep(step === placed.node.step ? null : placed.node.step)}
            />
          ))}
        </svg>
      </div>}
    </section>
  );
}

function Edge({ edge, path, from }: { edge: JobEdge; path: string; from: JobNode | undefined }) {
  const speed = from?.rows_per_second ?? 0;
  const width = isMain(edge) ? 1.25 + Math.min(4, Math.log10(1 + speed)) * 0.75 : 1.25;
  return (
    <path class={`edge ${isMain(edge) ? '' : 'edge-side'}`} d={path} style={{ strokeWidth: `${width}px` }}>
      <title>{edgeTitle(edge)}</title>
    </path>
  );
}

function edgeTitle(edge: JobEdge): string {
  const port = isMain(edge) ? 'Rows' : `Output ${edge.port}`;
  return edge.exchange ? `${port}, sent to the task that owns the key` : `${port}, within the task`;
}

interface NodeProps {
  placed: PlacedNode;
  node: JobNode;
  chosen: boolean;
  choose: () => void;
}

function Node({ placed, node, chosen, choose }: NodeProps) {
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    choose();
  };
  const bar = NODE_WIDTH - 24;
  const busy = Math.min(1, Math.max(0, node.busy)) * bar;
  const blocked = Math.min(bar - busy, Math.max(0, node.blocked) * bar);
  return (
    <g
      class={`node ${chosen ? 'node-chosen' : ''} ${node.blocked > 0.5 ? 'node-blocked' : ''}`}
      transform={`translate(${placed.x} ${placed.y})`}
      role="button"
      tabindex={0}
      aria-pressed={chosen}
      aria-description={nodeLabel(node)}
      onClick={choose}
      onKeyDown={pressed}
    >
      <rect class="node-box" width={NODE_WIDTH} height={NODE_HEIGHT} rx="7" />
      <text class="node-name" x="12" y="21">{shorten(stepName(node), 25)}</text>
      <text class="node-role" x="12" y="39">{node.role.replace(/_/g, ' ')}</text>
      <text class="node-rate" x={NODE_WIDTH - 12} y="39" text-anchor="end">{rate(node.rows_per_second)}</text>
      <rect class="meter-idle" x="12" y="48" width={bar} height="3" rx="1.5" />
      {busy > 0.5 && <rect class="meter-busy" x="12" y="48" width={busy} height="3" rx="1.5" />}
      {blocked > 0.5 && <rect class="meter-blocked" x={12 + busy} y="48" width={blocked} height="3" rx="1.5" />}
      <rect width={NODE_WIDTH} height={NODE_HEIGHT} fill="transparent" aria-hidden="true">
        <title>{nodeLabel(node)}</title>
      </rect>
    </g>
  );
}

function shorten(name: string, most: number): string {
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

export function nodeLabel(node: JobNode): string {
  const watermark = parseTime(node.watermark);
  const behind = watermark === null ? '' : `, watermark ${age(Date.now() - watermark)} behind`;
  return (
    `${percent(node.busy, 0)} busy, ${percent(node.blocked, 0)} blocked${behind}`
  );
}
