// A line of the size of a word. Decoration for the number beside it, so hidden from screen readers.

interface Props {
  values: (number | null)[];
  width?: number;
  height?: number;
}

export function Sparkline({ values, width = 132, height = 36 }: Props) {
  const known = values.filter((v): v is number => v !== null);
  if (known.length < 2) return <svg class="sparkline" width={width} height={height} aria-hidden="true" />;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const pad = 4;
  const x = (i: number) => pad + (i * (width - 2 * pad)) / (values.length - 1);
  const y = (v: number) =>
    high === low ? height / 2 : height - pad - ((v - low) / (high - low)) * (height - 2 * pad);
  let path = '';
  let pen = false;
  values.forEach((v, i) => {
    if (v === null) {
      pen = false;
      return;
    }
    path += `${pen ? 'L' : 'M'}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
    pen = true;
  });
  const last = values.length - 1 - [...values].reverse().findIndex((v) => v !== null);
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
      <path d={path} fill="none" stroke="var(--accent)" stroke-width="1.5" stroke-linejoin="round" />
      <circle cx={x(last)} cy={y(values[last] ?? 0)} r="2.5" fill="var(--accent)" />
    </svg>
  );
}
