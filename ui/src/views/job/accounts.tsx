// The row account: where every row went, and whether it adds up.
import { useRef } from 'preact/hooks';
import type { JobDocument } from '../../api/job';
import { sourceAccount, stepAccounts, type DifferenceWatch, type SourceAccount } from '../../model/account';
import { count } from '../../model/format';
import { isSilent } from '../../model/steps';

interface Props {
  job: JobDocument;
  watch: DifferenceWatch;
  /** When the document came; a document is read once. */
  at: number;
}

/** Differences that lasted, by key; settled once per document however often the page renders. */
function useSettled(job: JobDocument, watch: DifferenceWatch, at: number): Map<string, number> {
  const memo = useRef<{ at: number; settled: Map<string, number> }>({ at: -1, settled: new Map() });
  if (memo.current.at !== at) {
    const settled = new Map<string, number>();
    for (const source of job.sources) {
      settled.set(`source ${source.source}`, watch.settle(`source ${source.source}`, sourceAccount(source).difference));
    }
    for (const step of stepAccounts(job)) {
      settled.set(`step ${step.id}`, watch.settle(`step ${step.id}`, step.difference));
    }
    memo.current = { at, settled };
  }
  return memo.current.settled;
}

export function Accounts({ job, watch, at }: Props) {
  const settled = useSettled(job, watch, at);
  const wrong = [...settled.values()].filter((d) => d !== 0).length;
  const silent = new Set(job.nodes.filter(isSilent).map((node) => node.id));
  const steps = stepAccounts(job).filter((step) => !silent.has(step.id));
  return (
    <section class="panel" aria-labelledby="panel-accounts">
      <header class="panel-head">
        <div>
          <h2 id="panel-accounts">Row account</h2>
          <p class="note">
            Polled = decoded + rejected. In = passed on or absorbed + filtered + late + rejected + held.
          </p>
        </div>
        <p class={`state state-${wrong === 0 ? 'good' : 'bad'}`} role="status">
          {wrong === 0 ? 'Every row is accounted for' : `${wrong} ${wrong === 1 ? 'line does' : 'lines do'} not add up`}
        </p>
      </header>
      <div class="scroll-x" tabIndex={0} role="group" aria-label="Row account of the sources">
        <table class="table account">
          <thead>
            <tr>
              <th scope="col">Source</th>
              <th scope="col" class="num">Polled</th>
              <th scope="col" class="num">Decoded</th>
              <th scope="col" class="num">Rejected</th>
              <th scope="col" class="num">Difference</th>
            </tr>
          </thead>
          <tbody>
            {job.sources.map((source) => (
              <SourceRow
                key={source.source}
                account={sourceAccount(source)}
                settled={settled.get(`source ${source.source}`) ?? 0}
              />
            ))}
          </tbody>
        </table>
      </div>
      <div class="scroll-x" tabIndex={0} role="group" aria-label="Row account of the steps">
        <table class="table account">
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col" class="num">In</th>
              <th scope="col" class="num">Passed on</th>
              <th scope="col" class="num">Absorbed</th>
              <th scope="col" class="num">Filtered</th>
              <th scope="col" class="num">Late</th>
              <th scope="col" class="num">Rejected</th>
              <th scope="col" class="num">Held</th>
              <th scope="col" class="num">New rows</th>
              <th scope="col" class="num">Difference</th>
            </tr>
          </thead>
          <tbody>
            {steps.map((step) => (
              <tr key={step.id} class={(settled.get(`step ${step.id}`) ?? 0) === 0 ? '' : 'wrong'}>
                <th scope="row">
                  {step.step} <span class="note">{step.role.replace(/_/g, ' ')}</span>
                </th>
                <td class="num">{count(step.in)}</td>
                <td class="num">{step.passed === null ? '' : zero(step.passed)}</td>
                <td class="num">{zero(step.absorbed)}</td>
                <td class="num">{zero(step.filtered)}</td>
                <td class="num">{zero(step.late)}</td>
                <td class="num">{zero(step.rejected)}</td>
                <td class="num">{zero(step.held)}</td>
                <td class="num">{step.passed === null && step.results > 0 ? count(step.results) : ''}</td>
                <Difference settled={settled.get(`step ${step.id}`) ?? 0} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {silent.size > 0 && (
        <p class="note account-note">Not listed: {silent.size} empty outputs for late and rejected rows.</p>
      )}
    </section>
  );
}

/** Zeros step back, so that what happened stands out. */
function zero(value: number) {
  return value === 0 ? <span class="zero">0</span> : count(value);
}

function SourceRow({ account, settled }: { account: SourceAccount; settled: number }) {
  return (
    <tr class={settled === 0 ? '' : 'wrong'}>
      <th scope="row">{account.source}</th>
      <td class="num">{count(account.polled)}</td>
      <td class="num">{count(account.decoded)}</td>
      <td class="num">{zero(account.rejected)}</td>
      <Difference settled={settled} />
    </tr>
  );
}

function Difference({ settled }: { settled: number }) {
  return <td class="num">{settled === 0 ? zero(0) : <strong>{count(settled)}</strong>}</td>;
}
