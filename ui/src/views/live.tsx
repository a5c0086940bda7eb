// The live page: a clock of the data, filters, and panels that each ask their own question.
import { useMemo, useRef } from 'preact/hooks';
import { runQuery } from '../api/client';
import { citiesQuery, type TopNRow } from '../api/druid';
import { momentOf, readClock, type DataClock } from '../data/clock';
import type { Loaded } from '../data/poller';
import { usePoll } from '../data/use_poll';
import type { LiveRoute, Route } from '../model/route';
import { Cells } from './live/cells';
import { Fares } from './live/fares';
import { Filters } from './live/filters';
import { Pulse } from './live/pulse';
import { Ratings } from './live/ratings';
import { RidesByCity } from './live/rides';
import { StatusLine } from './live/status_line';
import { Totals } from './live/totals';
import { Waits } from './live/waits';
import type { Scope } from './live/scope';

const CITIES_MS = 3_600_000;
const CITIES_PERIOD_MS = 10_000;

interface Props {
  route: LiveRoute;
  go: (route: Route) => void;
}

export function LivePage({ route, go }: Props) {
  const clock = usePoll('clock', (signal) => readClock(signal));
  const scope = useScope(clock, route);
  const { names, ranked } = useCities(scope, route.city);
  const chooseCity = (city: string | null) => go({ ...route, city });
  return (
    <div class="live">
      <h1 class="visually-hidden">Live rides</h1>
      <div class="toolbar">
        <Filters route={route} cities={names} go={go} moment={scope?.at ?? null} />
        <StatusLine clock={clock} paused={route.at !== null} />
      </div>
      {scope === null ? (
        <NothingYet clock={clock} />
      ) : (
        <>
          <Pulse scope={scope} />
          <div class="columns">
            <div class="stack">
              <RidesByCity scope={scope} cities={ranked} chooseCity={chooseCity} />
              <Cells scope={scope} cities={ranked} chooseCity={chooseCity} />
            </div>
            <div class="stack">
              <Totals scope={scope} cities={ranked} chooseCity={chooseCity} />
              <Fares scope={scope} />
              <Waits scope={scope} />
              <Ratings scope={scope} />
            </div>
          </div>
        </>
      )}
    </div>
  );
}

/** What every panel is about: null until the data has a time. */
function useScope(clock: Loaded<DataClock>, route: LiveRoute): Scope | null {
  const data = clock.data;
  const newest = data === null ? null : momentOf(data, Date.now());
  const at = route.at ?? newest;
  const oldest = data?.oldest ?? null;
  const completeTo = data?.completeTo ?? null;
  return useMemo(() => {
    if (at === null || oldest === null) return null;
    const { city, range } = route;
    const fixed = route.at !== null;
    return { at, oldest, completeTo, city, range, fixed, key: `${city ?? ''} ${range} ${route.at ?? ''}` };
  }, [at, oldest, completeTo, route]);
}

interface Cities {
  /** All cities of the last hour by name, and the chosen one even when it had no event. */
  names: string[];
  /** The busiest first, as they were when first seen: places and colours do not change while one looks. */
  ranked: string[];
}

function useCities(scope: Scope | null, chosen: string | null): Cities {
  const key = scope === null ? null : `cities ${scope.fixed ? scope.at : ''}`;
  const read = async (signal: AbortSignal) => {
    const at = scope?.at ?? 0;
    const { rows } = await runQuery<TopNRow>(citiesQuery({ from: at - CITIES_MS, to: at }), signal);
    return (rows[0]?.result ?? []).flatMap((row) => (typeof row['city'] === 'string' ? [row['city']] : []));
  };
  const { data } = usePoll(key, read, CITIES_PERIOD_MS);
  const ranked = useRef<string[]>([]);
  const fresh = (data ?? []).filter((city) => !ranked.current.includes(city));
  if (fresh.length > 0) ranked.current = [...ranked.current, ...fresh];
  const names = [...new Set([...(data ?? []), ...(chosen === null ? [] : [chosen])])].sort();
  return useMemo(() => ({ names, ranked: ranked.current }), [names.join('|'), ranked.current]);
}

function NothingYet({ clock }: { clock: Loaded<DataClock> }) {
  if (clock.data === null && clock.error === null) {
    return (
      <div class="blank" aria-busy="true">
        <p class="message loading">Loading</p>
      </div>
    );
  }
  if (clock.data === null) {
    return (
      <div class="blank">
        <h2>No connection to Rideflow</h2>
        <p>{clock.error?.message} This page keeps trying and fills in by itself.</p>
      </div>
    );
  }
  return (
    <div class="blank">
      <h2>No rides yet</h2>
      <p>
        The rollup live_rides is empty. Numbers appear with the first event: start the job ride_metrics, or look at
        the <a href="#/job">job page</a> to see what it waits for.
      </p>
    </div>
  );
}
