// How fresh and how complete the numbers are, in one line.
import { useEffect, useState } from 'preact/hooks';
import type { DataClock } from '../../data/clock';
import type { Loaded } from '../../data/poller';
import { age, dayTime } from '../../model/format';

type Tone = 'good' | 'quiet' | 'warn' | 'bad';

const STALE_MS = 15_000;

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export interface Connection {
  tone: Tone;
  text: string;
}

/** `coarse`: how long a cell is, in ms. The newest one began before its newest row came. */
export function connectionOf(clock: Loaded<DataClock>, paused: boolean, now: number, coarse = 0): Connection {
  if (clock.error) {
    const since = clock.at === 0 ? '' : ` Numbers are ${age(now - clock.at)} old.`;
    const unreachable = 'kind' in clock.error && clock.error.kind === 'unreachable';
    return { tone: 'bad', text: `${unreachable ? 'Disconnected, trying again.' : clock.error.message}${since}` };
  }
  if (clock.data === null) return { tone: 'quiet', text: 'Connecting' };
  if (clock.data.newest === null) return { tone: 'quiet', text: 'Connected, no rows yet' };
  if (paused) return { tone: 'quiet', text: 'Stopped' };
  const behind = now + clock.data.skew - clock.data.newest;
  if (behind > STALE_MS + 2 * coarse) return { tone: 'warn', text: `Newest event ${age(behind)} ago` };
  return { tone: 'good', text: behind < 2500 + coarse ? 'Live' : `Live, ${age(behind)} behind` };
}

interface Props {
  clock: Loaded<DataClock>;
  paused: boolean;
  coarse?: number;
}

export function StatusLine({ clock, paused, coarse }: Props) {
  const now = useNow();
  const { tone, text } = connectionOf(clock, paused, now, coarse);
  const complete = clock.data?.completeTo ?? null;
  return (
    <p class="status-line">
      <span class={`state state-${tone}`} role="status">
        {text}
      </span>
      {complete !== null && (
        <span class="status-complete" title="Before this moment no more rows are expected">
          Complete to <time dateTime={new Date(complete).toISOString()}>{dayTime(complete, now)}</time>
        </span>
      )}
    </p>
  );
}
