// The frame of all pages: name, pages, state of the connection, colours.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { TokenForm, useRefused } from './parts/token_form';
import { ThemeToggle } from './parts/theme_toggle';
import { listRollups } from './api/client';
import { usePoll } from './data/use_poll';
import { LIVE_ROLLUPS } from './model/live';
import { anyRollup, formatRoute, parseRoute, type LiveRoute, type RollupRoute, type Route } from './model/route';
import { JobPage } from './views/job';
import { LivePage } from './views/live';
import { RollupPage } from './views/rollup';

const ROLLUPS_PERIOD_MS = 5000;

const TITLES = { live: 'Live', rollup: 'Rollups', job: 'Job' };

export function App() {
  const [route, setRoute] = useState<Route>(() => parseRoute(location.hash));
  const [lastLive, setLastLive] = useState<LiveRoute | null>(null);
  const [lastRollup, setLastRollup] = useState<RollupRoute | null>(null);
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  useEffect(() => {
    if (route.page === 'live') setLastLive(route);
    if (route.page === 'rollup') setLastRollup(route);
    document.title = `${TITLES[route.page]} – Rideflow`;
  }, [route]);
  const go = useCallback((next: Route) => {
    const hash = formatRoute(next);
    if (hash !== location.hash) location.hash = hash;
  }, []);
  const refused = useRefused();
  const [attempt, setAttempt] = useState(0);
  const rollups = usePoll(`rollups ${attempt}`, listRollups, ROLLUPS_PERIOD_MS);
  // The dashboard of the ride-hailing job is for its rollups; every other one has a page of its own. While nothing is
  // known, or nobody answers, the dashboard says what is the matter.
  const rides = rollups.data === null ? rollups.error !== null : LIVE_ROLLUPS.every((r) => rollups.data!.includes(r));
  const home = route.page === 'live' && !rides ? anyRollup(null) : route;
  const shown = rollups.data === null && rollups.error === null && route.page === 'live' ? null : home;
  const live = formatRoute(lastLive ?? parseRoute(''));
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the numbers
      </a>
      <header class="top">
        <a class="brand" href={live} aria-label="Rideflow, live page">
          <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
            <path d="M3 23c6.5 0 6.5-14 13-14s6.5 14 13 14" fill="none" stroke="currentColor" stroke-width="3.5"
              stroke-linecap="round" />
          </svg>
          <span>Rideflow</span>
        </a>
        <nav aria-label="Pages">
          {(rides || rollups.data === null) && (
            <a href={live} aria-current={shown?.page === 'live' ? 'page' : undefined}>Live</a>
          )}
          <a
            href={formatRoute(lastRollup ?? anyRollup(null))}
            aria-current={shown?.page === 'rollup' ? 'page' : undefined}
          >
            Rollups
          </a>
          <a href="#/job" aria-current={route.page === 'job' ? 'page' : undefined}>Job</a>
        </nav>
        <ThemeToggle />
      </header>
      <main id="main" tabIndex={-1}>
        {refused && <TokenForm stored={() => setAttempt(attempt + 1)} />}
        {shown === null && <div class="blank" aria-busy="true"><p class="message loading">Loading</p></div>}
        {shown?.page === 'live' && <LivePage key={`live ${attempt}`} route={shown} go={go} />}
        {shown?.page === 'rollup' && (
          <RollupPage key={`rollup ${attempt}`} route={shown} rollups={rollups.data} go={go} />
        )}
        {shown?.page === 'job' && <JobPage key={`job ${attempt}`} route={shown} go={go} />}
      </main>
    </>
  );
}

/** The address belongs to the pages, so a jump within the page must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
