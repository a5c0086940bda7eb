// Attempts: when the job was begun again after a failure, and what had failed. Nothing while there was none.
import type { JobDocument } from '../../api/job';
import { dayTime, duration } from '../../model/format';
import { parseTime } from '../../model/time';

const SHOWN = 8;

export function Attempts({ job }: { job: JobDocument }) {
  const all = job.attempts ?? [];
  if (!all.some((attempt) => attempt.error !== null)) return null;
  const now = Date.now();
  return (
    <section class="panel" aria-labelledby="panel-attempts">
      <header class="panel-head">
        <div>
          <h2 id="panel-attempts">Attempts</h2>
          <p class="note">Each goes on from the newest checkpoint, newest first</p>
        </div>
      </header>
      <div class="scroll-x" tabIndex={0} role="group" aria-label="Newest attempts">
        <table class="table">
          <thead>
            <tr>
              <th scope="col" class="num">Attempt</th>
              <th scope="col">Began</th>
              <th scope="col" class="num">Lasted</th>
              <th scope="col">Failed by</th>
            </tr>
          </thead>
          <tbody>
            {all.slice(0, SHOWN).map((attempt) => (
              <tr key={attempt.attempt}>
                <td class="num">{attempt.attempt}</td>
                <td class="tabular">{dayTime(parseTime(attempt.started_at), now)}</td>
                <td class="num">{lasted(attempt.started_at, attempt.ended_at, now)}</td>
                <td>{attempt.error ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function lasted(from: string | null, to: string | null, now: number): string {
  const began = parseTime(from);
  if (began === null) return '–';
  return duration(Math.round(((parseTime(to) ?? now) - began) / 1000) * 1000);
}
