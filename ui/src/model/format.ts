// Numbers, durations and times as people read them. Every function takes null for "not known" and gives a dash.

const DASH = '–';
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const two = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export type Maybe = number | null | undefined;

function known(value: Maybe): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

export function count(value: Maybe): string {
  return known(value) ? whole.format(value) : DASH;
}

/** 950, 12.3k, 4.56M: at most four digits and a letter. */
export function compact(value: Maybe): string {
  if (!known(value)) return DASH;
  const size = Math.abs(value);
  const steps: [number, string][] = [[1e9, 'B'], [1e6, 'M'], [1e3, 'k']];
  for (const [unit, letter] of steps) {
    if (size >= unit * 0.99995) {
      const scaled = value / unit;
      return `${trimZeros(scaled.toFixed(Math.abs(scaled) < 10 ? 2 : Math.abs(scaled) < 100 ? 1 : 0))}${letter}`;
    }
  }
  return size < 10 && !Number.isInteger(value) ? one.format(value) : whole.format(value);
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** What stands beside money: the events name no currency, so none is made up. */
export const NO_CURRENCY = 'no currency given';


export function money(value: Maybe): string {
  if (!known(value)) return DASH;
  return Math.abs(value) < 1000 ? two.format(value) : whole.format(value);
}

export function percent(share: Maybe, digits = 1): string {
  return known(share) ? `${(share * 100).toFixed(digits)}%` : DASH;
}

export function rating(value: Maybe): string {
  return known(value) ? two.format(value) : DASH;
}

export function rate(perSecond: Maybe): string {
  return known(perSecond) ? `${compact(perSecond)}/s` : DASH;
}

export function bytes(value: Maybe): string {
  if (!known(value)) return DASH;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${unit === 0 || scaled >= 100 ? whole.format(scaled) : one.format(scaled)} ${units[unit]}`;
}

/** 31 ms, 1.2 s, 4 min 12 s, 3 h 20 min, 2 d 4 h. */
export function duration(ms: Maybe): string {
  if (!known(ms)) return DASH;
  const size = Math.abs(ms);
  if (size < 1000) return `${size < 10 && size > 0 ? one.format(ms) : whole.format(ms)} ms`;
  if (size < 59_950) return `${one.format(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  if (seconds < 86_400) return pair(Math.floor(seconds / 3600), 'h', Math.floor((seconds % 3600) / 60), 'min');
  return pair(Math.floor(seconds / 86_400), 'd', Math.floor((seconds % 86_400) / 3600), 'h');
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** How long ago, without the false precision of tenths of a second: "now", "8 s", "4 min", "3 h". */
export function age(ms: Maybe): string {
  if (!known(ms)) return DASH;
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 1) return 'now';
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function clockTime(ms: Maybe, seconds = true): string {
  if (!known(ms)) return DASH;
  const date = new Date(ms);
  const parts = [date.getHours(), date.getMinutes(), ...(seconds ? [date.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** The clock time, with the day before it when it is not today. */
export function dayTime(ms: Maybe, now: number): string {
  if (!known(ms)) return DASH;
  const date = new Date(ms);
  if (date.toDateString() === new Date(now).toDateString()) return clockTime(ms);
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clockTime(ms)}`;
}

/** new_york -> New York; a name that already has capitals stays as it is. */
export function title(name: string): string {
  if (/[A-Z]/.test(name)) return name;
  return name.replace(/[_-]+/g, ' ').replace(/(^|\s)\p{Ll}/gu, (c) => c.toUpperCase());
}
