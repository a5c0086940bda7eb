// What a completed ride costs: the middle and the edges over time, from merged sketches.
import { useMemo } from 'preact/hooks';
import { runQuery } from '../../api/client';
import { fareQuantilesQuery, type TimeseriesRow } from '../../api/druid';
import { LineChart } from '../../charts/line_chart';
import { usePoll } from '../../data/use_poll';
import { money, NO_CURRENCY, title } from '../../model/format';
import { columns, type SeriesTable } from '../../model/series';
import { chartSpan } from '../../model/time';
import { Panel } from '../../parts/panel';
import { placeName, type Scope } from './scope';

const LINES = [
  { key: 'p90', label: '90% pay less than', color: '--quantile-edge' },
  { key: 'p50', label: 'Median', color: '--quantile-middle' },
  { key: 'p10', label: '10% pay less than', color: '--quantile-edge' },
];

interface FaresData {
  table: SeriesTable;
  completeTo: number | null;
}

export function Fares({ scope }: { scope: Scope }) {
  const loaded = usePoll(`fares ${scope.key}`, async (signal): Promise<FaresData> => {
    const span = chartSpan(scope.range, scope.at, scope.oldest, 10_000);
    const answer = await runQuery<TimeseriesRow>(fareQuantilesQuery(span, scope.city), signal);
    const keys = LINES.map((line) => line.key);
    return { table: columns(answer.rows, span, keys, null), completeTo: answer.completeTo };
  });
  return (
    <Panel
      title="Fares"
      note={`Completed rides, ${placeName(scope, title)}, ${NO_CURRENCY}`}
      loaded={loaded}
      isEmpty={(data) => data.table.series.every((s) => s.values.every((v) => v === null))}
      emptyText="No ride was completed in this time range."
      minHeight={176}
    >
      {(data) => <FaresChart data={data} />}
    </Panel>
  );
}

function FaresChart({ data }: { data: FaresData }) {
  const lines = useMemo(
    () => LINES.map((line) => ({ ...line, values: data.table.series.find((s) => s.key === line.key)?.values ?? [] })),
    [data.table],
  );
  const newest = (key: string) => {
    const values = lines.find((line) => line.key === key)?.values ?? [];
    return [...values].reverse().find((v) => v !== null) ?? null;
  };
  const [low, middle, high] = [newest('p10'), newest('p50'), newest('p90')];
  return (
    <>
      <dl class="figures">
        <div>
          <dt>10th percentile</dt>
          <dd>{money(low)}</dd>
        </div>
        <div>
          <dt>Median</dt>
          <dd>{money(middle)}</dd>
        </div>
        <div>
          <dt>90th percentile</dt>
          <dd>{money(high)}</dd>
        </div>
      </dl>
      <LineChart
        times={data.table.times}
        lines={lines}
        height={150}
        format={(v) => (v < 100 ? v.toFixed(Number.isInteger(v) ? 0 : 2) : v.toFixed(0))}
        completeTo={data.completeTo}
        summary={`Line chart of fares: now ${money(low)} to ${money(high)}, median ${money(middle)}.`}
        band
      />
    </>
  );
}
