// The row account: where every row went, and whether it adds up. A line per step of the job file; what the planner
// made of a step unfolds.
import { useRef, useState } from 'preact/hooks';
import type { JobDocument } from '../../api/job';
import {
  foldedAccounts, sourceAccount, type DifferenceWatch, type FoldedAccount, type SourceAccount, type StepAccount,
} from '../../model/account';
import { count } from '../../model/format';
import { isSilent } from '../../model/steps';
import { useNarrow } from '../../parts/use_narrow';

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
    for (const part of foldedAccounts(job).flatMap((step) => step.parts)) {
      settled.set(`step ${part.id}`, watch.settle(`step ${part.id}`, part.difference));
    }
    memo.current = { at, settled };
  }
  return memo.current.settled;
}

export function Accounts({ job, watch, at }: Props) {
  const narrow = useNarrow();
  const settled = useSettled(job, watch, at);
  const wrong = [...settled.values()].filter((d) => d !== 0).length;
  const silent = new Set(job.nodes.filter(isSilent).map((node) => node.id));
  const steps = foldedAccounts(job).filter((step) => !step.parts.every((part) => silent.has(part.id)));
  const of = (part: StepAccount) => settled.get(`step ${part.id}`) ?? 0;
  const ofStep = (step: FoldedAccount) => step.parts.reduce((sum, part) => sum + of(part), 0);
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
      <SourceTable job={job} settled={settled} narrow={narrow} />
      {narrow ? (
        <ul class="account-list">
          {steps.map((step) => <StepCard key={step.name} step={step} settled={ofStep(step)} of={of} />)}
        </ul>
      ) : (
        <StepTable steps={steps} ofStep={ofStep} of={of} />
      )}
      {silent.size > 0 && (
        <p class="note account-note">Not listed: {silent.size} empty outputs for late and rejected rows.</p>
      )}
    </section>
  );
}

interface SourceTableProps {
  job: JobDocument;
  settled: Map<string, number>;
  narrow: boolean;
}

function SourceTable({ job, settled, narrow }: SourceTableProps) {
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label="Row account of the sources">
      <table class={`table account ${narrow ? 'table-tight' : ''}`}>
        <thead>
          <tr>
            <th scope="col">Source</th>
            <th scope="col" class="num">Polled</th>
            <th scope="col" class="num">Decoded</th>
            <th scope="col" class="num">Rejected</th>
            {!narrow && <th scope="col" class="num">Difference</th>}
          </tr>
        </thead>
        <tbody>
          {job.sources.map((source) => (
            <SourceRow
              key={source.source}
              account={sourceAccount(source)}
              settled={settled.get(`source ${source.source}`) ?? 0}
              narrow={narrow}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SourceRow({ account, settled, narrow }: { account: SourceAccount; settled: number; narrow: boolean }) {
  return (
    <tr class={settled === 0 ? '' : 'wrong'}>
      <th scope="row">
        {account.source}
        {narrow && settled !== 0 && <strong class="block">{count(settled)} not accounted for</strong>}
      </th>
      <td class="num">{count(account.polled)}</td>
      <td class="num">{count(account.decoded)}</td>
      <td class="num">{zero(account.rejected)}</td>
      {!narrow && <Difference settled={settled} />}
    </tr>
  );
}

interface StepTableProps {
  steps: FoldedAccount[];
  ofStep: (step: FoldedAccount) => number;
  of: (part: StepAccount) => number;
}

function StepTable({ steps, ofStep, of }: StepTableProps) {
  return (
    <div class="scroll-x" tabIndex={0} role="group" aria-label="Row account of the steps">
      <table class="table account steps">
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
        {steps.map((step) => <StepRows key={step.name} step={step} settled={ofStep(step)} of={of} />)}
      </table>
    </div>
  );
}

interface StepProps {
  step: FoldedAccount;
  settled: number;
  of: (part: StepAccount) => number;
}

function StepRows({ step, settled, of }: StepProps) {
  const [open, setOpen] = useState(false);
  return (
    <tbody>
      <tr class={settled === 0 ? '' : 'wrong'} data-step={step.name}>
        <th scope="row">
          {step.name} <span class="note">{words(step.role)}</span>
          <Unfold step={step} open={open} toggle={() => setOpen(!open)} />
        </th>
        <Cells account={step} settled={settled} />
      </tr>
      {open && step.parts.map((part) => (
        <tr key={part.id} class="part">
          <th scope="row"><span class="note">{step.name} / {words(part.role)}</span></th>
          <Cells account={part} settled={of(part)} />
        </tr>
      ))}
    </tbody>
  );
}

function Unfold({ step, open, toggle }: { step: FoldedAccount; open: boolean; toggle: () => void }) {
  if (step.parts.length < 2) return null;
  const shown = open ? 'fold' : `${step.parts.length} parts`;
  // What is read aloud begins with what is seen: who speaks to the page says what stands there.
  const label = open ? `${shown} ${step.name}` : `${shown} of ${step.name}`;
  return (
    <button type="button" class="unfold" aria-expanded={open} aria-label={label} onClick={toggle}>
      {shown}
    </button>
  );
}

function Cells({ account, settled }: { account: StepAccount; settled: number }) {
  return (
    <>
      <td class="num">{count(account.in)}</td>
      <td class="num">{account.passed === null ? '' : zero(account.passed)}</td>
      <td class="num">{zero(account.absorbed)}</td>
      <td class="num">{zero(account.filtered)}</td>
      <td class="num">{zero(account.late)}</td>
      <td class="num">{zero(account.rejected)}</td>
      <td class="num">{zero(account.held)}</td>
      <td class="num">{account.passed === null && account.results > 0 ? count(account.results) : ''}</td>
      <Difference settled={settled} />
    </>
  );
}

/** A phone has no room for ten columns: what is not zero, by name. */
function StepCard({ step, settled, of }: StepProps) {
  const [open, setOpen] = useState(false);
  return (
    <li class={settled === 0 ? '' : 'wrong'} data-step={step.name}>
      <p class="account-name">
        <span>{step.name} <span class="note">{words(step.role)}</span></span>
        <Unfold step={step} open={open} toggle={() => setOpen(!open)} />
      </p>
      <Numbers account={step} settled={settled} />
      {open && step.parts.map((part) => (
        <div key={part.id} class="account-part">
          <p class="note">{words(part.role)}</p>
          <Numbers account={part} settled={of(part)} />
        </div>
      ))}
    </li>
  );
}

function Numbers({ account, settled }: { account: StepAccount; settled: number }) {
  const all: [string, number | null][] = [
    ['In', account.in], ['Passed on', account.passed], ['Absorbed', account.absorbed],
    ['Filtered', account.filtered], ['Late', account.late], ['Rejected', account.rejected], ['Held', account.held],
    ['New rows', account.results], ['Not accounted for', settled],
  ];
  const shown = all.filter(([name, value]) => name === 'In' || (value !== null && value !== 0));
  return (
    <dl class="account-numbers">
      {shown.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{count(value)}</dd></div>)}
    </dl>
  );
}

const words = (role: string) => role.replace(/_/g, ' ');

/** Zeros step back, so that what happened stands out. */
function zero(value: number) {
  return value === 0 ? <span class="zero">0</span> : count(value);
}

function Difference({ settled }: { settled: number }) {
  return <td class="num">{settled === 0 ? zero(0) : <strong>{count(settled)}</strong>}</td>;
}
