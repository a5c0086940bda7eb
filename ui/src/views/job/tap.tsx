// The newest rows of one step, as they pass.
import { useState } from 'preact/hooks';
import { tapStep } from '../../api/client';
import type { JobDocument, TapRow } from '../../api/job';
import { usePoll } from '../../data/use_poll';
import { bytes, count } from '../../model/format';
import { Panel } from '../../parts/panel';

const LIMIT = 12;

interface Props {
  job: JobDocument;
  step: string;
  close: () => void;
}

export function Tap({ job, step, close }: Props) {
  const [held, setHeld] = useState(false);
  const loaded = usePoll(held ? null : `tap ${job.job} ${step}`, async (signal) => ({
    step,
    rows: await tapStep(job.job, step, LIMIT, signal),
  }));
  const shown = loaded.data?.step === step ? loaded : { ...loaded, data: null };
  const nodes = job.nodes.filter((node) => node.step === step);
  const keys = nodes.reduce((total, node) => total + node.state_keys, 0);
  const size = nodes.reduce((total, node) => total + node.state_bytes, 0);
  return (
    <Panel
      title={`Rows of ${step}`}
      note={keys === 0 ? 'Newest last, no state' : `Newest last. State: ${count(keys)} keys, ${bytes(size)}`}
      loaded={shown}
      isEmpty={(data) => data.rows.length === 0}
      emptyText="No row has passed since this page asked. Steps behind a window give rows when it fires."
      minHeight={120}
      class="tap"
      actions={
        <div class="actions">
          <button type="button" class="text-button" aria-pressed={held} onClick={() => setHeld(!held)}>
            {held ? 'Go on' : 'Hold'}
          </button>
          <button type="button" class="text-button" onClick={close}>
            Close
          </button>
        </div>
      }
    >
      {(data) => <Rows rows={data.rows} step={step} />}
    </Panel>
  );
}

export function columnsOf(rows: TapRow[]): string[] {
  const names = new Set<string>();
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names];
}

function Rows({ rows, step }: { rows: TapRow[]; step: string }) {
  const names = columnsOf(rows);
  const numeric = new Set(names.filter((name) => rows.some((row) => typeof row[name] === 'number')));
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label={`Newest rows of ${step}`}>
      <table class="table rows">
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col" class={numeric.has(name) ? 'num' : ''}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {names.map((name) => (
                <td key={name} class={numeric.has(name) ? 'num' : ''}>{cellText(row[name])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
