// A rollup's metrics over time, one panel each, and the values of a dimension as a table.
import { useMemo } from 'preact/hooks';
import { LineChart } from '../../charts/line_chart';
import { seriesColor } from '../../charts/palette';
import { compact, dayTime } from '../../model/format';
import { addsUp, canSort, columnsOf, unitOf, type Metric, type RollupShape } from '../../model/rollup';
import type { Lines } from '../../model/rollup_data';
import { numberOf } from '../../model/series';
import { bucketName, type Span } from '../../model/time';

interface ChartProps {
  metric: Metric;
  lines: Lines;
  span: Span;
  completeTo: number | null;
}

export function MetricPanel({ metric, lines, span, completeTo }: ChartProps) {
  const id = `metric-${metric.name}`;
  const [column] = columnsOf(metric);
  const drawn = useMemo(
    () => (lines.byColumn.get(column!.key) ?? []).map((line, i) => ({
      key: line.key, label: line.key || metric.name, color: seriesColor(i), values: line.values,
    })),
    [lines, column!.key],
  );
  const known = drawn.flatMap((line) => line.values.filter((v): v is number => v !== null));
  const most = known.length === 0 ? null : Math.max(...known);
  const per = addsUp(metric) ? `per ${bucketName(span.bucket)}` : `every ${bucketName(span.bucket)}`;
  return (
    <section class="panel metric-panel" aria-labelledby={id} data-metric={metric.name}>
      <header class="panel-head">
        <div>
          <h2 id={id}>{metric.name}</h2>
          <p class="note">{unitOf(metric)}, {per}</p>
        </div>
      </header>
      {most === null ? (
        <p class="message">No value in this time range.</p>
      ) : (
        <LineChart
          times={lines.times}
          lines={drawn}
          height={168}
          format={compact}
          completeTo={completeTo}
          fill={drawn.length === 1}
          fromZero={known.every((v) => v >= 0)}
          summary={
            `Line chart of ${metric.name}, ${unitOf(metric)}, from ${dayTime(span.from, Date.now())} to ` +
            `${dayTime(span.to, Date.now())}: ${drawn.length} ${drawn.length === 1 ? 'line' : 'lines'}, at most ` +
            `${compact(most)}.`
          }
        />
      )}
    </section>
  );
}

export interface ValueRow {
  name: string;
  cells: Record<string, unknown>;
}

interface TableProps {
  shape: RollupShape;
  by: string | null;
  rows: ValueRow[];
  total: Record<string, unknown>;
  /** Values that have a line in the charts, in the order of their colours. */
  drawn: string[];
  sort: string | null;
  cut: boolean;
  choose: (value: string) => void;
  chooseSort: (metric: string) => void;
}

export function ValueTable({ shape, by, rows, total, drawn, sort, cut, choose, chooseSort }: TableProps) {
  const columns = shape.metrics
    .filter((metric) => metric.kind !== 'text')
    .flatMap((metric) => columnsOf(metric).map((column) => ({ ...column, metric })));
  const cells = (row: Record<string, unknown>) =>
    columns.map(({ key }) => (
      <td class="num" key={key} data-column={key} data-value={numberOf(row[key]) ?? ''}>
        {compact(numberOf(row[key]))}
      </td>
    ));
  return (
    <section class="panel" aria-labelledby="panel-values">
      <header class="panel-head">
        <div>
          <h2 id="panel-values">{by === null ? 'Totals' : `By ${by}`}</h2>
          <p class="note">
            {by === null ? 'All rows of the time range' : 'Choose a value to look at it alone, a column to sort by it'}
            {cut && `; the first ${rows.length} values`}
          </p>
        </div>
      </header>
      <div class="scroll-x" tabIndex={0} role="group" aria-label="Metrics of the time range">
        <table class="table values">
          <thead>
            <tr>
              <th scope="col">{by ?? 'Rows'}</th>
              {columns.map(({ key, label, metric }) => (
                <th scope="col" class="num" key={key} aria-sort={sort === key ? 'descending' : undefined}>
                  {canSort(metric) && by !== null ? (
                    <button type="button" class="link" onClick={() => chooseSort(metric.name)}>
                      {label}{sort === key ? ' ↓' : ''}
                    </button>
                  ) : label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name}>
                <th scope="row">
                  <button type="button" class="link" onClick={() => choose(row.name)}>
                    <i class="swatch" style={{ background: swatch(drawn.indexOf(row.name)) }} />
                    {row.name}
                  </button>
                </th>
                {cells(row.cells)}
              </tr>
            ))}
            <tr class="total">
              <th scope="row">{by === null ? 'All' : 'Together'}</th>
              {cells(total)}
            </tr>
          </tbody>
        </table>
      </div>
    </section>
  );
}

const swatch = (index: number) => (index < 0 ? 'transparent' : `var(${seriesColor(index)})`);
