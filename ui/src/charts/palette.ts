// Eight colours that stay apart for colour-blind eyes, each with a partner for dark backgrounds (styles/base.css).

export const SERIES_COLORS = 7;
export const REST = 'Other cities';

/** The custom property of the i-th series; what is folded into "other" is grey. */
export function seriesColor(index: number): string {
  return `--series-${(index % SERIES_COLORS) + 1}`;
}

/** A city keeps its colour whatever the filter: its place among all cities ever seen on this page, by name. */
export function cityColor(city: string, cities: string[]): string {
  const index = cities.indexOf(city);
  return city === REST || index < 0 ? '--series-rest' : seriesColor(index);
}
