// What the address says: the page, the filters and the moment. Everything that a link should bring back is here.
import { ROLLUP_RANGES, type Chosen, type RollupRange } from './rollup';
import { RANGES, type Range } from './time';

export interface LiveRoute {
  page: 'live';
  city: string | null;
  range: Range;
  /** A moment to look at instead of the newest event; null follows the data. */
  at: number | null;
}

export interface JobRoute {
  page: 'job';
  job: string | null;
  step: string | null;
}

export interface RollupRoute {
  page: 'rollup';
  /** null: the first there is. */
  rollup: string | null;
  /** The dimension that values are split by: null is the page's own choice, '' none. */
  by: string | null;
  range: RollupRange | null;
  at: number | null;
  where: Chosen;
  sort: string | null;
}

export type Route = LiveRoute | JobRoute | RollupRoute;

export const anyRollup = (rollup: string | null): RollupRoute => {
  return { page: 'rollup', rollup, by: null, range: null, at: null, where: [], sort: null };
};

export const DEFAULT_RANGE: Range = '15m';

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const params = new URLSearchParams(query);
  const [page = '', name = ''] = path.split('/');
  if (page === 'job') {
    return { page: 'job', job: name ? decodeURIComponent(name) : null, step: params.get('step') };
  }
  const range = params.get('range');
  const moment = Date.parse(params.get('at') ?? '');
  const at = Number.isNaN(moment) ? null : moment;
  if (page === 'rollup') {
    return {
      page: 'rollup',
      rollup: name ? decodeURIComponent(name) : null,
      by: params.get('by'),
      range: ROLLUP_RANGES.find((r) => r === range) ?? null,
      at,
      where: params.getAll('where').flatMap((text): Chosen => {
        const colon = text.indexOf(':');
        return colon < 1 ? [] : [[text.slice(0, colon), text.slice(colon + 1)]];
      }),
      sort: params.get('sort'),
    };
  }
  return {
    page: 'live',
    city: params.get('city'),
    range: RANGES.find((r) => r === range) ?? DEFAULT_RANGE,
    at,
  };
}

export function formatRoute(route: Route): string {
  const params = new URLSearchParams();
  let path = '#/live';
  if (route.page === 'live') {
    if (route.city) params.set('city', route.city);
    if (route.range !== DEFAULT_RANGE) params.set('range', route.range);
    if (route.at !== null) params.set('at', new Date(route.at).toISOString());
  } else if (route.page === 'rollup') {
    path = route.rollup ? `#/rollup/${encodeURIComponent(route.rollup)}` : '#/rollup';
    if (route.by !== null) params.set('by', route.by);
    if (route.range !== null) params.set('range', route.range);
    if (route.at !== null) params.set('at', new Date(route.at).toISOString());
    for (const [dimension, value] of route.where) params.append('where', `${dimension}:${value}`);
    if (route.sort !== null) params.set('sort', route.sort);
  } else {
    path = route.job ? `#/job/${encodeURIComponent(route.job)}` : '#/job';
    if (route.step) params.set('step', route.step);
  }
  const query = params.toString();
  return query ? `${path}?${query}` : path;
}
