// The job in one glance: its state, its speed, its time, its last checkpoint.
import type { ComponentChildren } from 'preact';
import type { JobDocument, JobListEntry, Waiting } from '../../api/job';
import type { Loaded } from '../../data/poller';
import { age, bytes, count, dayTime, duration, rate, title } from '../../model/format';
import { isSource } from '../../model/account';
import { toneOf } from '../../model/job_state';
import { formatRoute } from '../../model/route';
import { parseTime } from '../../model/time';

interface Props {
  job: JobDocument;
  jobs: JobListEntry[];
  loaded: Loaded<JobDocument>;
}

export function JobHead({ job, jobs, loaded }: Props) {
  const now = Date.now();
  const started = parseTime(job.started_at);
  return (
    <header class="job-head">
      {jobs.length > 1 && (
        <nav class="job-list" aria-label="Jobs">
          {jobs.map((entry) => (
            <a
              key={entry.job}
              href={formatRoute({ page: 'job', job: entry.job, step: null })}
              aria-current={entry.job === job.job ? 'page' : undefined}
            >
              {entry.job}
              <span class={`dot dot-${toneOf(entry.state)}`} title={entry.state} />
            </a>
          ))}
        </nav>
      )}
      <div class="job-title">
        <h1>{job.job}</h1>
        <span class={`state state-${toneOf(job.state)}`} role="status">
          {loaded.error ? 'Disconnected, trying again' : title(job.state)}
        </span>
        {job.wanted !== undefined && (
          <span class="note">
            version {job.version}, wanted {job.wanted}
          </span>
        )}
      </div>
      {job.description && <p class="job-description">{job.description}</p>}
      {job.error && <p class="message message-error">{job.error}</p>}
      {(job.waiting ?? []).length > 0 && <Waits waiting={job.waiting ?? []} now={now} />}
      <dl class="facts">
        <Speed job={job} />
        <WatermarkFact job={job} now={now} />
        <CheckpointFact job={job} now={now} />
        <Fact name="Running" value={started === null ? '–' : duration(roundSeconds(now - started))}>
          {job.parallelism} {job.parallelism === 1 ? 'task' : 'tasks'} per step, lineage{' '}
          <span class="mono">{job.lineage.slice(0, 8)}</span>
        </Fact>
      </dl>
    </header>
  );
}

function Waits({ waiting, now }: { waiting: Waiting[]; now: number }) {
  return (
    <ul class="waits">
      {waiting.map((wait) => {
        const since = parseTime(wait.since);
        return (
          <li key={`${wait.step} ${wait.for}`} class="state state-warn">
            <span>
              {wait.step} waits for {wait.for}
              {since !== null && `, for ${duration(roundSeconds(now - since))}`}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function ago(ms: number | null): string {
  const text = age(ms);
  return text === 'now' || ms === null ? text : `${text} ago`;
}

const roundSeconds = (ms: number) => Math.round(ms / 1000) * 1000;

function Fact({ name, value, children }: { name: string; value: string; children?: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span class="fact-value">{value}</span>
        <span class="note">{children}</span>
      </dd>
    </div>
  );
}

function Speed({ job }: { job: JobDocument }) {
  const speed = job.nodes.filter(isSource).reduce((total, node) => total + node.rows_per_second, 0);
  const lag = job.sources.reduce((total, source) => total + source.lag, 0);
  return (
    <Fact name="Reading" value={rate(speed)}>
      {lag === 0 ? 'nothing left to read' : `${count(lag)} ${lag === 1 ? 'record' : 'records'} behind`}
    </Fact>
  );
}

function WatermarkFact({ job, now }: { job: JobDocument; now: number }) {
  const watermark = parseTime(job.watermark);
  const held = job.watermark_held_by;
  const waits = job.sources.flatMap((source) => source.watermark_waits_for ?? []);
  return (
    <Fact name="Watermark" value={dayTime(watermark, now)}>
      {watermark === null ? 'no event time yet' : `${age(now - watermark)} behind`}
      {held && `, held by ${held.source}, partition ${held.partition}`}
      {waits.length > 0 && `, waits for ${[...new Set(waits)].join(' and ')} to prove the end`}
    </Fact>
  );
}

function CheckpointFact({ job, now }: { job: JobDocument; now: number }) {
  const last = job.checkpoints.find((c) => c.state === 'complete');
  if (!last) return <Fact name="Last checkpoint" value="–">none complete yet</Fact>;
  const at = parseTime(last.started_at);
  return (
    <Fact name="Last checkpoint" value={ago(at === null ? null : now - at)}>
      epoch {last.epoch}, {bytes(last.bytes)} in {duration(last.duration_ms)}
    </Fact>
  );
}
