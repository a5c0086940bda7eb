// The frame of both pages: name, pages, state of the connection, colours.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { TokenForm, useRefused } from './parts/token_form';
import { ThemeToggle } from './parts/theme_toggle';
import { formatRoute, parseRoute, type LiveRoute, type Route } from './model/route';
import { JobPage } from './views/job';
import { LivePage } from './views/live';

export function App() {
  const [route, setRoute] = useState<Route>(() => parseRoute(location.hash));
  const [lastLive, setLastLive] = useState<LiveRoute | null>(null);
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  useEffect(() => {
    if (route.page === 'live') setLastLive(route);
    document.title = route.page === 'live' ? 'Live – Rideflow' : 'Job – Rideflow';
  }, [route]);
  const go = useCallback((next: Route) => {
    const hash = formatRoute(next);
    if (hash !== location.hash) location.hash = hash;
  }, []);
  const refused = useRefused();
  const [attempt, setAttempt] = useState(0);
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
          <a href={live} aria-current={route.page === 'live' ? 'page' : undefined}>Live</a>
          <a href="#/job" aria-current={route.page === 'job' ? 'page' : undefined}>Job</a>
        </nav>
        <ThemeToggle />
      </header>
      <main id="main" tabIndex={-1}>
        {refused && <TokenForm stored={() => setAttempt(attempt + 1)} />}
        {route.page === 'live' ? (
          <LivePage key={`live ${attempt}`} route={route} go={go} />
        ) : (
          <JobPage key={`job ${attempt}`} route={route} go={go} />
        )}
      </main>
    </>
  );
}

/** The address belongs to the pages, so a jump within the page must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
