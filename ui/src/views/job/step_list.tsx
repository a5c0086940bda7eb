// The job's graph for a phone: its steps from the sources down, each with those that it takes its rows from.
import type { JobEdge, JobNode } from '../../api/job';
import { rate } from '../../model/format';
import { layersOf } from '../../model/graph';
import { isMain, stepName } from '../../model/steps';
import { nodeLabel } from './graph';

interface Props {
  nodes: JobNode[];
  edges: JobEdge[];
  step: string | null;
  chooseStep: (step: string | null) => void;
}

export function StepList({ nodes, edges, step, chooseStep }: Props) {
  const layers = layersOf(nodes, edges);
  const ordered = nodes.map((node, i) => ({ node, layer: layers[i]! })).sort((a, b) => a.layer - b.layer);
  return (
    <ol class="step-list">
      {ordered.map(({ node }) => (
        <li key={node.id}>
          <Step node={node} from={inputsOf(node, nodes, edges)} chosen={step === node.step} choose={chooseStep} />
        </li>
      ))}
    </ol>
  );
}

function inputsOf(node: JobNode, nodes: JobNode[], edges: JobEdge[]): string[] {
  const names = new Map(nodes.map((one) => [one.id, stepName(one)]));
  const into = edges.filter((edge) => edge.to === node.id);
  return [...new Set(into.map((edge) => `${names.get(edge.from) ?? ''}${isMain(edge) ? '' : `.${edge.port}`}`))];
}

interface StepProps {
  node: JobNode;
  from: string[];
  chosen: boolean;
  choose: (step: string | null) => void;
}

function Step({ node, from, chosen, choose }: StepProps) {
  const percentOf = (share: number) => `${Math.round(100 * Math.min(1, Math.max(0, share)))}%`;
  return (
    <button
      type="button"
      class={`step ${chosen ? 'step-chosen' : ''}`}
      aria-pressed={chosen}
      aria-description={nodeLabel(node)}
      onClick={() => choose(chosen ? null : node.step)}
    >
      <span class="step-head">
        <b>{stepName(node)}</b>
        <span class="tabular">{rate(node.rows_per_second)}</span>
      </span>
      <span class="note">
        {node.role.replace(/_/g, ' ')}
        {from.length > 0 && ` of ${from.join(', ')}`}
      </span>
      <span class="step-meter" aria-hidden="true">
        <i class="key-busy" style={{ width: percentOf(node.busy) }} />
        <i class="key-blocked" style={{ width: percentOf(node.blocked) }} />
      </span>
    </button>
  );
}
