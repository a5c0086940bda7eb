// The last minute in four numbers, each against the minute before it.
import { runQuery } from '../../api/client';
import { pulseQuery, pulseSeriesQuery, type TimeseriesRow } from '../../api/druid';
import { Sparkline } from '../../charts/sparkline';
import { usePoll } from '../../data/use_poll';
import { clockTime, count, money, NO_CURRENCY, percent } from '../../model/format';
import { columns, numberOf, type SeriesTable } from '../../model/series';
import { chartSpan } from '../../model/time';
import { pointsTrend, relativeTrend, share, type Trend } from '../../model/trend';
import type { Scope } from './scope';

const MINUTE = 60_000;
const HISTORY_BUCKET = 30_000;

interface Numbers {
  requested: number | null;
  rate: number | null;
  revenue: number | null;
  drivers: number | null;
}

interface PulseData {
  from: number;
  to: number;
  now: Numbers;
  before: Numbers;
  history: SeriesTable;
}

function numbersOf(result: Record<string, unknown> | undefined): Numbers {
  const value = (name: string) => numberOf(result?.[name]);
  const ended = (value('completed') ?? 0) + (value('cancelled') ?? 0);
  return {
    requested: value('requested') ?? 0,
    rate: share(value('completed'), ended),
    revenue: value('revenue') ?? 0,
    drivers: Math.round(value('drivers') ?? 0),
  };
}

async function readPulse({ at, city, oldest }: Scope, signal: AbortSignal): Promise<PulseData> {
  const span = { from: at - MINUTE, to: at };
  const history = chartSpan('15m', at, oldest, HISTORY_BUCKET);
  const [now, before, series] = await Promise.all([
    runQuery<TimeseriesRow>(pulseQuery(span, city), signal),
    runQuery<TimeseriesRow>(pulseQuery({ from: at - 2 * MINUTE, to: at - MINUTE }, city), signal),
    runQuery<TimeseriesRow>(pulseSeriesQuery(history, city), signal),
  ]);
  const hasBefore = oldest < at - MINUTE;
  const nothing = { requested: null, rate: null, revenue: null, drivers: null };
  return {
    ...span,
    now: numbersOf(now.rows[0]?.result),
    before: hasBefore ? numbersOf(before.rows[0]?.result) : nothing,
    history: columns(series.rows, history, ['requested', 'completed', 'cancelled', 'revenue', 'drivers'], 0),
  };
}

export function Pulse({ scope }: { scope: Scope }) {
  const { data, error, stale } = usePoll(`pulse ${scope.key}`, (signal) => readPulse(scope, signal));
  const values = (key: string) => data?.history.series.find((s) => s.key === key)?.values ?? [];
  const completed = values('completed');
  const cancelled = values('cancelled');
  const rates = completed.map((c, i) => share(c, (c ?? 0) + (cancelled[i] ?? 0)));
  const now = data?.now;
  const before = data?.before;
  return (
    <section class="pulse" aria-label="The last minute" aria-busy={data === null || stale}>
      <div class="tiles" data-from={data?.from} data-to={data?.to}>
        <Tile
          name="requested"
          label="Rides requested"
          unit="rides"
          value={now?.requested ?? null}
          text={count(now?.requested)}
          trend={now && before ? relativeTrend(now.requested, before.requested) : null}
          history={values('requested')}
        />
        <Tile
          name="rate"
          label="Completion rate"
          hint="Completed rides among those that ended"
          value={now?.rate ?? null}
          text={percent(now?.rate)}
          trend={now && before ? pointsTrend(now.rate, before.rate) : null}
          history={rates}
        />
        <Tile
          name="revenue"
          label="Revenue"
          unit={NO_CURRENCY}
          hint="The sum of the fares of completed rides"
          value={now?.revenue ?? null}
          text={money(now?.revenue)}
          trend={now && before ? relativeTrend(now.revenue, before.revenue) : null}
          history={values('revenue')}
        />
        <Tile
          name="drivers"
          label="Active drivers"
          unit="drivers"
          hint="Different drivers with an event, estimated"
          value={now?.drivers ?? null}
          text={count(now?.drivers)}
          trend={now && before ? relativeTrend(now.drivers, before.drivers) : null}
          history={values('drivers')}
        />
      </div>
      <p class="note pulse-note">
        {data ? (
          <>
            The minute from {clockTime(data.from)} to {clockTime(data.to)}, against the minute before
          </>
        ) : (
          error?.message ?? 'Loading'
        )}
      </p>
    </section>
  );
}

interface TileProps {
  name: string;
  label: string;
  unit?: string;
  hint?: string;
  value: number | null;
  text: string;
  trend: Trend | null;
  history: (number | null)[];
}

const ARROWS = { up: '↑', down: '↓', flat: '→' };
const WORDS = { up: 'up', down: 'down', flat: 'unchanged' };

function Tile({ name, label, unit, hint, value, text, trend, history }: TileProps) {
  return (
    <div class="tile" data-tile={name} data-value={value ?? ''}>
      <h2 title={hint}>{label}</h2>
      <p class="tile-line">
        <span class="tile-value">{text}</span> {unit && <span class="note">{unit}</span>}
      </p>
      <div class="tile-foot">
        <p class={`trend trend-${trend?.direction ?? 'none'}`}>
          {trend ? (
            <>
              <span aria-hidden="true">{ARROWS[trend.direction]}</span>
              <span class="visually-hidden">{WORDS[trend.direction]}</span> {trend.text}
            </>
          ) : (
            <span class="visually-hidden">No minute before to compare with</span>
          )}
        </p>
        <Sparkline values={history} />
      </div>
    </div>
  );
}
