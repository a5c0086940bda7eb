// A page for any rollup: its metrics over time by a dimension, the values of that dimension, a range.
import { useMemo, useRef } from 'preact/hooks';
import { readShape } from '../api/client';
import { seriesColor } from '../charts/palette';
import { readClock, type DataClock } from '../data/clock';
import type { Loaded } from '../data/poller';
import { usePoll } from '../data/use_poll';
import { dayTime } from '../model/format';
import {
  defaultDimension, defaultRange, defaultSort, MOST_VALUES, rollupSpan, type RollupShape,
} from '../model/rollup';
import { drawnAndNot } from '../model/rollup_data';
import type { RollupRoute, Route } from '../model/route';
import { bucketName, type Span } from '../model/time';
import { StatusLine } from './live/status_line';
import { readAnswer } from './rollup/answer';
import { MetricPanel, ValueTable } from './rollup/panels';
import { Toolbar } from './rollup/toolbar';

interface Props {
  route: RollupRoute;
  /** Null until they are known. */
  rollups: string[] | null;
  go: (route: Route) => void;
}

const SHAPE_PERIOD_MS = 30_000;

export function RollupPage({ route, rollups, go }: Props) {
  const name = route.rollup ?? rollups?.[0] ?? null;
  if (name === null) return <NoRollup known={rollups !== null} />;
  return <OneRollup key={name} name={name} route={route} rollups={rollups ?? [name]} go={go} />;
}

interface OneProps extends Props {
  name: string;
  rollups: string[];
}

function OneRollup({ name, route, rollups, go }: OneProps) {
  const shape = usePoll(`shape ${name}`, (signal) => readShape(name, signal), SHAPE_PERIOD_MS);
  const clock = usePoll(`clock ${name}`, (signal) => readClock(signal, name));
  const by = shape.data === null ? null : splitBy(shape.data, route);
  const range = shape.data === null ? null : route.range ?? defaultRange(shape.data);
  const newest = clock.data?.newest ?? null;
  const moment = shape.data === null || newest === null ? null : newest + shape.data.granularity.ms;
  return (
    <div class="live">
      <div class="rollup-title">
        <h1>{name}</h1>
        <p class="note">{shape.data === null ? '' : about(shape.data, clock.data)}</p>
      </div>
      <div class="toolbar">
        <Toolbar
          route={route} rollups={rollups.includes(name) ? rollups : [name, ...rollups]} name={name} shape={shape.data}
          by={by} range={range} moment={moment} go={go}
        />
        <StatusLine clock={clock} paused={route.at !== null} coarse={shape.data?.granularity.ms ?? 0} />
      </div>
      {shape.data === null || range === null ? (
        <Waiting error={shape.error} />
      ) : moment === null || clock.data?.oldest == null ? (
        <Empty name={name} known={clock.data !== null} />
      ) : (
        <Contents
          shape={shape.data} by={by} sort={route.sort ?? defaultSort(shape.data)} route={route} go={go}
          span={rollupSpan(range, route.at ?? moment, clock.data.oldest, shape.data.granularity)}
          question={`${range} ${route.at ?? ''}`}
        />
      )}
    </div>
  );
}

function splitBy(shape: RollupShape, route: RollupRoute): string | null {
  if (route.by === null) {
    const chosen = new Set(route.where.map(([dimension]) => dimension));
    return defaultDimension({ ...shape, dimensions: shape.dimensions.filter((d) => !chosen.has(d.name)) });
  }
  return shape.dimensions.some((d) => d.name === route.by) ? route.by : null;
}

function about(shape: RollupShape, clock: DataClock | null): string {
  const since = clock?.oldest == null ? '' : `, since ${dayTime(clock.oldest, Date.now())}`;
  const count = shape.dimensions.length;
  const dimensions = `${count} ${count === 1 ? 'dimension' : 'dimensions'}`;
  return `One cell per ${bucketName(shape.granularity)} and value of ${dimensions}${since}`;
}

interface ContentsProps {
  shape: RollupShape;
  by: string | null;
  sort: string | null;
  route: RollupRoute;
  span: Span;
  /** Changes when the question changes, not when time passes. */
  question: string;
  go: Props['go'];
}

function Contents({ shape, by, sort, route, span, question, go }: ContentsProps) {
  const places = useRef<string[]>([]);
  const where = JSON.stringify(route.where);
  const key = `${shape.name} ${by} ${sort} ${where} ${question}`;
  const placesOf = useRef(key);
  if (placesOf.current !== key) [placesOf.current, places.current] = [key, []];
  const loaded = usePoll(`rollup ${key}`, (signal) => readAnswer(shape, by, sort, route, span, places.current, signal));
  const { drawn, texts } = useMemo(() => drawnAndNot(shape), [shape]);
  const data = loaded.data;
  if (data === null) return <Waiting error={loaded.error} />;
  places.current = data.drawn;
  const only = (value: string) => {
    if (by !== null) go({ ...route, rollup: shape.name, by: null, where: [...route.where, [by, value]], sort: null });
  };
  return (
    <div class="rollup" aria-busy={loaded.stale} data-from={data.span.from} data-to={data.span.to}>
      {loaded.error && <p class="message message-error">Not refreshed: {loaded.error.message}</p>}
      {by !== null && <Legend values={data.drawn} all={data.rows.length} choose={only} />}
      <div class="metrics">
        {drawn.map((metric) => (
          <MetricPanel
            key={metric.name} metric={metric} lines={data.lines} span={data.span} completeTo={data.completeTo}
          />
        ))}
      </div>
      {texts.length > 0 && <p class="note">Not drawn, since they are text: {texts.map((m) => m.name).join(', ')}</p>}
      <ValueTable
        shape={shape} by={by} rows={data.rows} total={data.total} drawn={data.drawn} sort={sort}
        cut={data.rows.length >= MOST_VALUES} choose={only}
        chooseSort={(metric) => go({ ...route, rollup: shape.name, sort: metric })}
      />
    </div>
  );
}

function Legend({ values, all, choose }: { values: string[]; all: number; choose: (value: string) => void }) {
  const rest = all - values.length;
  return (
    <ul class="legend">
      {values.map((value, i) => (
        <li key={value}>
          <button type="button" onClick={() => choose(value)}>
            <i style={{ background: `var(${seriesColor(i)})` }} />
            {value}
          </button>
        </li>
      ))}
      {rest > 0 && <li class="legend-rest">and {rest}{all >= MOST_VALUES ? ' or more' : ''} in the table</li>}
    </ul>
  );
}

function Waiting({ error }: { error: Loaded<unknown>['error'] }) {
  return error ? (
    <div class="blank">
      <h2>No answer about this rollup</h2>
      <p>{error.message} This page keeps trying and fills in by itself.</p>
    </div>
  ) : (
    <div class="blank" aria-busy="true"><p class="message loading">Loading</p></div>
  );
}

function Empty({ name, known }: { name: string; known: boolean }) {
  if (!known) return <Waiting error={null} />;
  return (
    <div class="blank">
      <h2>No rows yet</h2>
      <p>
        The rollup {name} is empty. It fills as rows reach its sink; the <a href="#/job">job page</a> shows where they
        are.
      </p>
    </div>
  );
}

function NoRollup({ known }: { known: boolean }) {
  if (!known) return <Waiting error={null} />;
  return (
    <div class="blank">
      <h1>No rollup yet</h1>
      <p>
        A job with a sink of kind rollup makes one, and it appears here by itself. What the jobs of this process do is
        on the <a href="#/job">job page</a>.
      </p>
    </div>
  );
}
