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
  /** -1 (four times the vehicles) to 1 (four times the requests), 0 like the average of everything shown. */
  balance: number;
  /** The same on a scale of the cells shown, -1 to 1: what a map colours by, so that it shows their differences. */
  shade: number;
}

export interface CityGrid {
  city: string;
  cells: Cell[];
  columns: number;
  rows: number;
  requests: number;
  available: number;
}

export interface CityGrids {
  grids: CityGrid[];
  /** How many times the average a cell of the strongest colour is, or more. */
  strongest: number;
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

/** Events of the average that count beside a cell's own, so that one request alone makes no shortage. */
const PRIOR = 10;

/**
 * How often the ratio doubles against the average: twice as much and half as much are equally far from 0. A cell with
 * few events stays near 0.
 */
export function octavesOf(requests: number, available: number, averageRatio: number): number {
  const requested = (PRIOR * averageRatio) / (1 + averageRatio);
  const ratio = (requests + requested) / (available + PRIOR - requested);
  return Math.log2(ratio / averageRatio);
}

const clamp = (value: number) => Math.max(-1, Math.min(1, value));

export function balanceOf(requests: number, available: number, averageRatio: number): number {
  return clamp(octavesOf(requests, available, averageRatio) / 2);
}

/**
 * Nine tenths of what happens is in cells that differ at most so much. Never less than a quarter of a doubling: what is
 * even looks even.
 */
const LEAST_SPREAD = 1 / 4;

function spreadOf(cells: Cell[], averageRatio: number): number {
  const weighted = cells
    .map((c) => ({ off: Math.abs(octavesOf(c.requests, c.available, averageRatio)), weight: c.requests + c.available }))
    .sort((a, b) => a.off - b.off);
  let left = 0.9 * weighted.reduce((total, c) => total + c.weight, 0);
  for (const { off, weight } of weighted) {
    left -= weight;
    if (left <= 0) return Math.max(off, LEAST_SPREAD);
  }
  return LEAST_SPREAD;
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

export function cityGrids(rows: GroupByRow[]): CityGrids {
  const byCity = new Map<string, Cell[]>();
  let allRequests = 0;
  let allAvailable = 0;
  for (const row of rows) {
    const city = String(row.event['city'] ?? 'none');
    const requests = numberOf(row.event['requests']) ?? 0;
    const available = Math.round(numberOf(row.event['available']) ?? 0); // an estimate
    allRequests += requests;
    allAvailable += available;
    const cell = { city, name: String(row.event['cell']), requests, available, x: null, y: null, balance: 0, shade: 0 };
    const cells = byCity.get(city);
    if (cells) cells.push(cell);
    else byCity.set(city, [cell]);
  }
  const averageRatio = allRequests > 0 && allAvailable > 0 ? allRequests / allAvailable : 1;
  const spread = spreadOf([...byCity.values()].flat(), averageRatio);
  for (const cell of [...byCity.values()].flat()) {
    cell.balance = balanceOf(cell.requests, cell.available, averageRatio);
    cell.shade = clamp(octavesOf(cell.requests, cell.available, averageRatio) / spread);
  }
  const sorted = [...byCity].sort(([a], [b]) => (a < b ? -1 : 1));
  return { grids: sorted.map(([city, cells]) => gridOf(city, cells)), strongest: 2 ** spread };
}

function gridOf(city: string, cells: Cell[]): CityGrid {
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
