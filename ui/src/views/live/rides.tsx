// Rides requested per minute, a line per city, with a legend that is also the filter.
import { useMemo } from 'preact/hooks';
import { runQuery } from '../../api/client';
import { ridesByCityQuery, type GroupByRow } from '../../api/druid';
import { LineChart } from '../../charts/line_chart';
import { cityColor, seriesColor, SERIES_COLORS } from '../../charts/palette';
import { usePoll } from '../../data/use_poll';
import { clockTime, compact, title } from '../../model/format';
import { pivot, splitSeries, sum, type SeriesTable } from '../../model/series';
import { chartSpan, lastOf, RANGE_MS, type Span } from '../../model/time';
import { Panel } from '../../parts/panel';
import type { Scope } from './scope';

interface Props {
  scope: Scope;
  cities: string[];
  chooseCity: (city: string | null) => void;
}

interface RidesData {
  span: Span;
  table: SeriesTable;
  completeTo: number | null;
}

export function RidesByCity({ scope, cities, chooseCity }: Props) {
  const loaded = usePoll(`rides ${scope.key}`, async (signal): Promise<RidesData> => {
    const span = chartSpan(scope.range, scope.at, scope.oldest);
    const answer = await runQuery<GroupByRow>(ridesByCityQuery(span, scope.city), signal);
    const table = pivot(answer.rows, span, 'city', 'requested', 0);
    return { span, table, completeTo: answer.completeTo };
  });
  const young = scope.oldest > scope.at - RANGE_MS[scope.range];
  return (
    <Panel
      title="Rides requested by city"
      note={`Per minute, ${young ? `since ${clockTime(scope.oldest)}` : lastOf(scope.range)}`}
      loaded={loaded}
      isEmpty={(data) => data.table.series.length === 0}
      emptyText="No ride was requested in this time range. Choose a longer range or another city."
      minHeight={330}
    >
      {(data) => <RidesChart data={data} scope={scope} cities={cities} chooseCity={chooseCity} />}
    </Panel>
  );
}

interface ChartProps {
  data: RidesData;
  scope: Scope;
  cities: string[];
  chooseCity: (city: string | null) => void;
}

function RidesChart({ data, scope, cities, chooseCity }: ChartProps) {
  const { span, table } = data;
  const perMinute = 60_000 / span.bucket.ms;
  const { shown, restCount, restSum } = useMemo(
    () => splitSeries(table.series, cities, SERIES_COLORS),
    [table, cities],
  );
  const lines = useMemo(
    () =>
      shown.map((s, i) => ({
        key: s.key,
        label: title(s.key),
        color: cities.length === 0 || shown.length === 1 ? seriesColor(i) : cityColor(s.key, cities),
        values: s.values.map((v) => (v === null ? null : v * perMinute)),
      })),
    [shown, cities, perMinute],
  );
  const minutes = (span.to - Math.max(span.from, span.oldest)) / 60_000;
  const total = sum(table.series.map((s) => sum(s.values)));
  return (
    <>
      <LineChart
        times={table.times}
        lines={lines}
        height={290}
        format={compact}
        completeTo={data.completeTo}
        fill={lines.length === 1}
        summary={`Line chart: ${compact(total)} rides requested, ${compact(total / minutes)} a minute.`}
      />
      <ul class="legend">
        {lines.map((line) => (
          <li key={line.key}>
            <button
              type="button"
              aria-pressed={scope.city === line.key}
              onClick={() => chooseCity(scope.city === line.key ? null : line.key)}
            >
              <i style={{ background: `var(${line.color})` }} />
              {line.label}
              <b>{compact(sum(line.values) / perMinute / minutes)}</b>
            </button>
          </li>
        ))}
        {restCount > 0 && (
          <li class="legend-rest">
            and {restCount} more {restCount === 1 ? 'city' : 'cities'} <b>{compact(restSum / minutes)}</b>
          </li>
        )}
      </ul>
    </>
  );
}
