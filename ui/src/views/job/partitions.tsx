// How far every partition is read, and which one holds the watermark.
import type { JobDocument, JobSource, SourcePartition } from '../../api/job';
import { age, bytes, count } from '../../model/format';
import { parseTime } from '../../model/time';
import { useNarrow } from '../../parts/use_narrow';

export function Partitions({ job }: { job: JobDocument }) {
  const narrow = useNarrow();
  return (
    <section class="panel" aria-labelledby="panel-partitions">
      <header class="panel-head">
        <div>
          <h2 id="panel-partitions">Partitions</h2>
          <p class="note">Records not read yet, and how far event time is behind the clock</p>
        </div>
      </header>
      <div class="scroll-x" tabIndex={0} role="group" aria-label="Partitions">
        <table class={`table ${narrow ? 'table-tight' : ''}`}>
          <thead>
            <tr>
              <th scope="col">Source</th>
              <th scope="col" class="num">Partition</th>
              {!narrow && <th scope="col" class="num">Position</th>}
              <th scope="col" class="num">Lag</th>
              <th scope="col" class="num">Watermark</th>
            </tr>
          </thead>
          {job.sources.map((source) => (
            <SourceBody key={source.source} source={source} job={job} narrow={narrow} />
          ))}
        </table>
      </div>
    </section>
  );
}

function SourceBody({ source, job, narrow }: { source: JobSource; job: JobDocument; narrow: boolean }) {
  const held = job.watermark_held_by;
  return (
    <tbody>
      {source.partitions.map((partition, i) => (
        <PartitionRow
          key={partition.partition}
          source={source}
          partition={partition}
          first={i === 0}
          narrow={narrow}
          holds={held?.source === source.source && held.partition === partition.partition}
        />
      ))}
    </tbody>
  );
}

interface RowProps {
  source: JobSource;
  partition: SourcePartition;
  first: boolean;
  narrow: boolean;
  holds: boolean;
}

function PartitionRow({ source, partition, first, narrow, holds }: RowProps) {
  const watermark = parseTime(partition.watermark);
  const lag = Math.max(0, partition.end - partition.position);
  return (
    <tr>
      {first && (
        <th scope="rowgroup" rowSpan={source.partitions.length}>
          {source.source}
          <span class="note block">{bytes(source.bytes)} read</span>
        </th>
      )}
      <td class="num">{partition.partition}</td>
      {!narrow && <td class="num">{count(partition.position)}</td>}
      <td class="num">{lag === 0 ? <span class="zero">0</span> : count(lag)}</td>
      <td class="num">
        {partition.idle ? 'idle' : watermark === null ? 'no rows yet' : `${age(Date.now() - watermark)} behind`}
        {holds && <span class="tag">holds</span>}
        {partition.paused && (
          <span class="tag">paused{partition.waits_for == null ? '' : `, waits for ${partition.waits_for}`}</span>
        )}
      </td>
    </tr>
  );
}
