// Supply and demand as a field of squares: size tells how much happens in a cell, colour which side is short.
import { useEffect, useRef, useState } from 'preact/hooks';
import { compact, count } from '../model/format';
import type { Cell, CityGrid } from '../model/cells';
import { cssColor } from '../model/theme';
import { useTheme } from '../parts/theme_toggle';

interface Props {
  grid: CityGrid;
  label: string;
  /** Requests and reports of the busiest cell of all maps shown, so that sizes compare. */
  busiest: number;
  tall?: boolean;
}

interface Geometry {
  side: number;
  left: number;
  top: number;
}

const LARGEST_SIDE = 34;

export function CellMap({ grid, label, busiest, tall }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [active, setActive] = useState<Cell | null>(null);
  const theme = useTheme();
  const rows = Math.max(grid.rows, 1);
  const height = heightFor(grid, width, tall ?? false);
  const geometry = geometryFor(grid, width, height);

  useEffect(() => {
    const element = canvas.current?.parentElement;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (canvas.current && width > 0) draw(canvas.current, grid, width, height, geometry, busiest, active);
  }, [grid, width, height, busiest, active, theme]);

  const find = (event: PointerEvent) => {
    const column = Math.floor((event.offsetX - geometry.left) / geometry.side);
    const row = Math.floor((event.offsetY - geometry.top) / geometry.side);
    setActive(grid.cells.find((cell) => cell.x === column && cell.y === row) ?? null);
  };
  const now = active && grid.cells.find((cell) => cell.name === active.name);
  return (
    <div class="cell-map" style={{ minHeight: `${rows > 1 ? 80 : 40}px` }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        style={{ width: '100%', height: `${height}px` }}
        onPointerMove={find}
        onPointerLeave={() => setActive(null)}
      />
      {now && <CellTooltip cell={now} geometry={geometry} width={width} />}
    </div>
  );
}

function CellTooltip({ cell, geometry, width }: { cell: Cell; geometry: Geometry; width: number }) {
  const left = geometry.left + ((cell.x ?? 0) + 0.5) * geometry.side;
  const top = geometry.top + (cell.y ?? 0) * geometry.side;
  const onLeft = left > width / 2;
  const gap = geometry.side;
  const side = onLeft ? { right: `${width - left + gap}px` } : { left: `${left + gap}px` };
  return (
    <div class="tooltip" style={{ ...side, top: `${Math.max(0, top - 8)}px` }} aria-hidden="true">
      <p>{cell.name}</p>
      <p>
        <span>Requests</span>
        <b>{count(cell.requests)}</b>
      </p>
      <p>
        <span>Vehicles available</span>
        <b>{compact(cell.available)}</b>
      </p>
    </div>
  );
}

function heightFor(grid: CityGrid, width: number, tall: boolean): number {
  if (grid.columns === 0 || width === 0) return 0;
  const side = Math.min(LARGEST_SIDE, width / grid.columns);
  return Math.round(Math.min(side * grid.rows, tall ? 460 : 190));
}

function geometryFor(grid: CityGrid, width: number, height: number): Geometry {
  const side = Math.min(LARGEST_SIDE, width / Math.max(grid.columns, 1), height / Math.max(grid.rows, 1));
  return {
    side,
    left: (width - side * grid.columns) / 2,
    top: (height - side * grid.rows) / 2,
  };
}

function draw(
  canvas: HTMLCanvasElement,
  grid: CityGrid,
  width: number,
  height: number,
  { side, left, top }: Geometry,
  busiest: number,
  active: Cell | null,
): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  if (!context) return;
  context.scale(ratio, ratio);
  const colors = [-2, -1, 0, 1, 2].map((step) => cssColor(`--balance-${step + 3}`));
  const empty = cssColor('--map-empty');
  context.fillStyle = empty;
  for (let x = 0; x < grid.columns; x += 1) {
    for (let y = 0; y < grid.rows; y += 1) {
      context.fillRect(left + (x + 0.5) * side - 1, top + (y + 0.5) * side - 1, 2, 2);
    }
  }
  for (const cell of grid.cells) {
    if (cell.x === null || cell.y === null) continue;
    const volume = Math.sqrt((cell.requests + cell.available) / Math.max(busiest, 1));
    const size = Math.max(4, Math.min(1, 0.34 + 0.66 * volume) * (side - 2));
    const inset = (side - size) / 2;
    const x = left + cell.x * side + inset;
    const y = top + cell.y * side + inset;
    context.fillStyle = colors[Math.round((cell.shade + 1) * 2)]!;
    context.beginPath();
    context.roundRect(x, y, size, size, Math.min(3, size / 4));
    context.fill();
    if (active?.name === cell.name) {
      context.strokeStyle = cssColor('--text-1');
      context.lineWidth = 1.5;
      context.stroke();
    }
  }
}
