// Checkpoints: how long each took and how big it was, newest first, with the last ones as bars.
import type { Checkpoint, JobDocument } from '../../api/job';
import { bytes, dayTime, duration, title } from '../../model/format';
import { parseTime } from '../../model/time';
import { useNarrow } from '../../parts/use_narrow';

const SHOWN = 8;

export function Checkpoints({ job }: { job: JobDocument }) {
  const all = job.checkpoints;
  const narrow = useNarrow();
  return (
    <section class="panel" aria-labelledby="panel-checkpoints">
      <header class="panel-head">
        <div>
          <h2 id="panel-checkpoints">Checkpoints</h2>
          <p class="note">Time taken by the last {all.length}, oldest first</p>
        </div>
      </header>
      {all.length === 0 ? (
        <p class="message">No checkpoint yet. The first one comes a few seconds after the start.</p>
      ) : (
        <>
          <Bars checkpoints={[...all].reverse()} />
          <div class="scroll-x" tabIndex={0} role="group" aria-label="Newest checkpoints">
            <table class={`table ${narrow ? 'table-tight' : ''}`}>
              <thead>
                <tr>
                  <th scope="col" class="num">Epoch</th>
                  <th scope="col">Started</th>
                  <th scope="col" class="num">Took</th>
                  <th scope="col" class="num">Size</th>
                  {!narrow && <th scope="col">State</th>}
                </tr>
              </thead>
              <tbody>
                {all.slice(0, SHOWN).map((checkpoint) => (
                  <tr key={checkpoint.epoch}>
                    <td class="num">{checkpoint.epoch}</td>
                    <td class="tabular">{dayTime(parseTime(checkpoint.started_at), Date.now())}</td>
                    <td class="num">{took(checkpoint)}</td>
                    <td class="num">{bytes(checkpoint.bytes)}</td>
                    {!narrow && <td>{title(checkpoint.state)}</td>}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}

const took = (checkpoint: Checkpoint) =>
  checkpoint.state === 'complete' ? duration(checkpoint.duration_ms) : title(checkpoint.state);

const HEIGHT = 56;

function Bars({ checkpoints }: { checkpoints: Checkpoint[] }) {
  const longest = Math.max(1, ...checkpoints.map((c) => c.duration_ms ?? 0));
  const step = 100 / Math.max(checkpoints.length, 12);
  return (
    <div class="bars">
      <svg
        viewBox={`0 0 100 ${HEIGHT}`}
        preserveAspectRatio="none"
        width="100%"
        height={HEIGHT}
        role="img"
        aria-label={`Bar chart: ${checkpoints.length} checkpoints, the longest took ${duration(longest)}.`}
      >
        {checkpoints.map((checkpoint, i) => {
          const height = Math.max(2, ((checkpoint.duration_ms ?? 0) / longest) * HEIGHT);
          return (
            <rect
              key={checkpoint.epoch}
              class="bar-good"
              x={i * step}
              y={HEIGHT - height}
              width={step * 0.72}
              height={height}
            />
          );
        })}
      </svg>
      <span class="note">longest {duration(longest)}</span>
    </div>
  );
}
