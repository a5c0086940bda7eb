// Seven colours and a grey that stay apart for colour-blind eyes, each with a partner for dark backgrounds
// (styles/base.css).

export const SERIES_COLORS = 7;

/** The custom property of the i-th series. */
export function seriesColor(index: number): string {
  return `--series-${(index % SERIES_COLORS) + 1}`;
}

/** The busiest cities have a colour of their own, the others share a grey. `ranked`: see live.tsx. */
export function cityColor(city: string, ranked: string[]): string {
  const index = ranked.indexOf(city);
  return index < 0 || index >= SERIES_COLORS ? '--series-rest' : seriesColor(index);
}
