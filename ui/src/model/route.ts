// What the address says: the page, the filters and the moment. Everything that a link should bring back is here.
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

export type Route = LiveRoute | JobRoute;

export const DEFAULT_RANGE: Range = '15m';

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const params = new URLSearchParams(query);
  const [page = '', name = ''] = path.split('/');
  if (page === 'job') {
    return { page: 'job', job: name ? decodeURIComponent(name) : null, step: params.get('step') };
  }
  const range = params.get('range');
  const at = Date.parse(params.get('at') ?? '');
  return {
    page: 'live',
    city: params.get('city'),
    range: RANGES.find((r) => r === range) ?? DEFAULT_RANGE,
    at: Number.isNaN(at) ? null : at,
  };
}

export function formatRoute(route: Route): string {
  const params = new URLSearchParams();
  let path = '#/live';
  if (route.page === 'live') {
    if (route.city) params.set('city', route.city);
    if (route.range !== DEFAULT_RANGE) params.set('range', route.range);
    if (route.at !== null) params.set('at', new Date(route.at).toISOString());
  } else {
    path = route.job ? `#/job/${encodeURIComponent(route.job)}` : '#/job';
    if (route.step) params.set('step', route.step);
  }
  const query = params.toString();
  return query ? `${path}?${query}` : path;
}
