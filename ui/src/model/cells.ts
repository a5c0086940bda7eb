// Supply and demand per grid cell: from rows of live_cells to squares with a place, a size and a balance.
import type { GroupByRow } from '../api/druid';
import { numberOf } from './series';

export interface Cell {
  city: string;
  name: string;
  requests: number;
  available: number;
  /** Column and row in the grid of its city, row 0 in the north; null when the name tells no place. */
  x: number | null;
  y: number | null;
  /** -1 (many vehicles) to 1 (many requests), 0 like the average of everything shown. */
  balance: number;
}

export interface CityGrid {
  city: string;
  cells: Cell[];
  columns: number;
  rows: number;
  requests: number;
  available: number;
}

interface Place {
  lat: number;
  lon: number;
}

/** "40.71,-74.00", "40.71:-74", "4071_-7400" … : two numbers, latitude first. */
export function parseCell(name: string): Place | null {
  const match = /^\D*?(-?\d+(?:\.\d+)?)\s*[,:;_|/ ]\s*(-?\d+(?:\.\d+)?)\D*$/.exec(name);
  if (!match) return null;
  return { lat: Number(match[1]), lon: Number(match[2]) };
}

/** Balance is a log ratio against the average, so that twice as much and half as much are equally far from 0. */
export function balanceOf(requests: number, available: number, averageRatio: number): number {
  const ratio = (requests + 0.5) / (available + 0.5 / averageRatio);
  const octaves = Math.log2(ratio / averageRatio) / 2;
  return Math.max(-1, Math.min(1, octaves));
}

/** The distance between neighbours: the least gap between different values, 0.01 at most when there is one. */
function pitch(values: number[]): number {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  let least = Infinity;
  for (let i = 1; i < sorted.length; i += 1) {
    const gap = sorted[i]! - sorted[i - 1]!;
    if (gap > 1e-6) least = Math.min(least, gap);
  }
  return Number.isFinite(least) ? least : 1;
}

export function cityGrids(rows: GroupByRow[]): CityGrid[] {
  const byCity = new Map<string, Cell[]>();
  let allRequests = 0;
  let allAvailable = 0;
  for (const row of rows) {
    const city = String(row.event['city'] ?? 'none');
    const requests = numberOf(row.event['requests']) ?? 0;
    const available = Math.round(numberOf(row.event['available']) ?? 0); // an estimate
    allRequests += requests;
    allAvailable += available;
    const cell = { city, name: String(row.event['cell']), requests, available, x: null, y: null, balance: 0 };
    const cells = byCity.get(city);
    if (cells) cells.push(cell);
    else byCity.set(city, [cell]);
  }
  const averageRatio = allRequests > 0 && allAvailable > 0 ? allRequests / allAvailable : 1;
  return [...byCity].sort(([a], [b]) => (a < b ? -1 : 1)).map(([city, cells]) => gridOf(city, cells, averageRatio));
}

function gridOf(city: string, cells: Cell[], averageRatio: number): CityGrid {
  for (const cell of cells) cell.balance = balanceOf(cell.requests, cell.available, averageRatio);
  const places = cells.map((cell) => parseCell(cell.name));
  const known = places.filter((place): place is Place => place !== null);
  const latPitch = pitch(known.map((p) => p.lat));
  const lonPitch = pitch(known.map((p) => p.lon));
  const north = Math.max(...known.map((p) => p.lat));
  const west = Math.min(...known.map((p) => p.lon));
  let columns = 0;
  let rows = 0;
  places.forEach((place, i) => {
    if (!place) return;
    const cell = cells[i]!;
    cell.x = Math.round((place.lon - west) / lonPitch);
    cell.y = Math.round((north - place.lat) / latPitch);
    columns = Math.max(columns, cell.x + 1);
    rows = Math.max(rows, cell.y + 1);
  });
  return {
    city,
    cells,
    columns,
    rows,
    requests: cells.reduce((total, cell) => total + cell.requests, 0),
    available: cells.reduce((total, cell) => total + cell.available, 0),
  };
}

/** The cells that need vehicles most: many requests, few vehicles. */
export function mostWanted(cells: Cell[], limit: number): Cell[] {
  return [...cells]
    .sort((a, b) => b.balance * Math.sqrt(b.requests) - a.balance * Math.sqrt(a.requests) || b.requests - a.requests)
    .slice(0, limit);
}
