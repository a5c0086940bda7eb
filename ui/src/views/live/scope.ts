import type { Range } from '../../model/time';

/** The question behind every panel of the live page. */
export interface Scope {
  /** The moment that counts as now, in ms. */
  at: number;
  /** The oldest row there is. */
  oldest: number;
  completeTo: number | null;
  city: string | null;
  range: Range;
  /** `at` was chosen by the reader and does not move. */
  fixed: boolean;
  /** Changes when the question changes, not when time passes. */
  key: string;
}

export const ALL_CITIES = 'all cities';

export function placeName(scope: Scope, title: (name: string) => string): string {
  return scope.city === null ? ALL_CITIES : title(scope.city);
}
