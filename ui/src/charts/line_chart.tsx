// uPlot in our clothes: hairline grid, few ticks, no boxes; the part that is not complete yet is shaded.
import uPlot from 'uplot';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { cssColor } from '../model/theme';
import { clockTime, dayTime } from '../model/format';
import { useTheme } from '../parts/theme_toggle';

export interface Line {
  key: string;
  label: string;
  /** A custom property of the style sheet. */
  color: string;
  values: (number | null)[];
  dash?: number[];
}

interface Props {
  /** Starts of the buckets in ms; every value belongs to the bucket that begins there. */
  times: number[];
  lines: Line[];
  height: number;
  format: (value: number) => string;
  /** Values before this moment are final. */
  completeTo: number | null;
  /** What the chart shows, for those who can't see it. */
  summary: string;
  fill?: boolean;
  fromZero?: boolean;
  /** Fills the space between the first and the last line. */
  band?: boolean;
}

interface Hover {
  index: number;
  left: number;
}

export function LineChart(props: Props) {
  const { times, lines, height, summary } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [hover, setHover] = useState<Hover | null>(null);
  const theme = useTheme();
  const shape = lines.map((line) => `${line.key} ${line.color}`).join('|');
  const data = useMemo(() => toData(times, lines), [times, lines]);

  useEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const options = optionsFor(latest, element.clientWidth, (next) => setHover(next));
    const chart = new uPlot(options, toData(latest.current.times, latest.current.lines), element);
    plot.current = chart;
    const observer = new ResizeObserver(() => {
      chart.setSize({ width: element.clientWidth, height: latest.current.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
      setHover(null);
    };
  }, [shape, theme, height]);

  useEffect(() => {
    plot.current?.setData(data);
  }, [data, props.completeTo]);

  return (
    <div class="chart" role="img" aria-label={summary}>
      <div class="chart-plot" ref={host} style={{ height: `${height}px` }} />
      {hover && times[hover.index] !== undefined && <Tooltip {...props} hover={hover} />}
    </div>
  );
}

function Tooltip({ times, lines, format, completeTo, hover }: Props & { hover: Hover }) {
  const start = times[hover.index]!;
  const bucket = times.length > 1 ? times[1]! - times[0]! : 0;
  const open = completeTo !== null && start + bucket > completeTo;
  const rows = lines
    .map((line) => ({ line, value: line.values[hover.index] ?? null }))
    .sort((a, b) => (b.value ?? -1) - (a.value ?? -1));
  const side = hover.left > 0.55 ? { right: `${(1 - hover.left) * 100 + 2}%` } : { left: `${hover.left * 100 + 2}%` };
  return (
    <div class="tooltip" style={side} aria-hidden="true">
      <p>
        {bucket >= LONG_MS ? dayTime(start, 0) : clockTime(start)}
        {open && <em> not complete yet</em>}
      </p>
      {rows.map(({ line, value }) => (
        <p key={line.key}>
          <i style={{ background: `var(${line.color})` }} />
          <span>{line.label}</span>
          <b>{value === null ? '–' : format(value)}</b>
        </p>
      ))}
    </div>
  );
}

function toData(times: number[], lines: Line[]): uPlot.AlignedData {
  return [times.map((t) => t / 1000), ...lines.map((line) => line.values)] as uPlot.AlignedData;
}

const FONT = '11px Inter, system-ui, sans-serif';

function optionsFor(
  latest: { current: Props },
  width: number,
  hovered: (hover: Hover | null) => void,
): uPlot.Options {
  const { lines, height, fill, fromZero, band } = latest.current;
  const muted = cssColor('--text-3');
  const hairline = cssColor('--line');
  const strokes = lines.map((line) => cssColor(line.color));
  return {
    width: Math.max(width, 100),
    height,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: {
      y: false,
      drag: { setScale: false, x: false, y: false },
      points: { size: 7, width: 2, stroke: (_, i) => strokes[i - 1] ?? muted, fill: () => cssColor('--surface') },
    },
    scales: {
      x: { time: true },
      y: { range: (_, low, high) => scaleRange(low, high, fromZero ?? true) },
    },
    axes: [
      {
        stroke: muted,
        font: FONT,
        size: 28,
        gap: 8,
        space: 72,
        grid: { show: false },
        ticks: { show: false },
        values: (chart, splits) => splits.map((s) => axisTime(s * 1000, spanOf(chart))),
      },
      {
        stroke: muted,
        font: FONT,
        size: 44,
        gap: 8,
        space: Math.max(32, height / 5),
        grid: { stroke: hairline, width: 1 },
        ticks: { show: false },
        values: (_, splits) => splits.map((s) => latest.current.format(s)),
      },
    ],
    series: [
      {},
      ...lines.map((line, i) => ({
        label: line.label,
        stroke: strokes[i]!,
        width: 1.75,
        ...(line.dash ? { dash: line.dash } : {}),
        ...(fill ? { fill: withAlpha(strokes[i]!, 0.1) } : {}),
        points: { show: false },
      })),
    ],
    ...(band && lines.length > 1
      ? { bands: [{ series: [1, lines.length] as [number, number], fill: withAlpha(strokes[0]!, 0.12) }] }
      : {}),
    hooks: {
      drawClear: [(chart) => shadeIncomplete(chart, latest.current.completeTo)],
      setCursor: [
        (chart) => {
          const index = chart.cursor.idx;
          const left = chart.cursor.left ?? -1;
          if (index === null || index === undefined || left < 0) return hovered(null);
          const plotLeft = chart.bbox.left / uPlot.pxRatio;
          hovered({ index, left: (plotLeft + left) / chart.width });
        },
      ],
    },
  };
}

const LONG_MS = 1_200_000;

const spanOf = (chart: uPlot) => ((chart.scales['x']?.max ?? 0) - (chart.scales['x']?.min ?? 0)) * 1000;

/** Days where the chart spans several. */
function axisTime(ms: number, span: number): string {
  if (span > 129_600_000) return dayTime(ms, 0).slice(5, 10);
  return clockTime(ms, ms % 60_000 !== 0);
}

/** Room above the highest value; from zero unless the values tell more about their spread without. */
function scaleRange(low: number | null, high: number | null, fromZero: boolean): [number, number] {
  if (low === null || high === null) return [0, 1];
  const bottom = fromZero ? 0 : low - (high - low || high || 1) * 0.15;
  const top = high + (high - bottom || 1) * 0.08;
  return [bottom, top];
}

function shadeIncomplete(chart: uPlot, completeTo: number | null): void {
  const times = chart.data[0];
  const first = times[0];
  const last = times[times.length - 1];
  if (completeTo === null || first === undefined || last === undefined || completeTo / 1000 >= last) return;
  const { left, top, width, height } = chart.bbox;
  const from = Math.max(left, chart.valToPos(Math.max(completeTo / 1000, first), 'x', true));
  chart.ctx.save();
  chart.ctx.fillStyle = cssColor('--incomplete');
  chart.ctx.fillRect(from, top, left + width - from, height);
  chart.ctx.restore();
}

function withAlpha(color: string, alpha: number): string {
  const match = /rgba?\(([\d.]+)[, ]+([\d.]+)[, ]+([\d.]+)/.exec(color);
  return match ? `rgba(${match[1]}, ${match[2]}, ${match[3]}, ${alpha})` : color;
}
