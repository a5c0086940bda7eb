import { useEffect, useRef, useState } from 'preact/hooks';
import { nothingYet, Poller, type Loaded } from './poller';

/**
 * The newest answer to `task`, asked every second. A new `key` is a new question: its answer replaces the old one,
 * which stays visible as stale until then. A null key asks nothing.
 */
export function usePoll<T>(
  key: string | null,
  task: (signal: AbortSignal) => Promise<T>,
  periodMs?: number,
): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>(nothingYet);
  const latest = useRef(task);
  latest.current = task;
  const newest = useRef(state);
  useEffect(() => {
    if (key === null) return undefined;
    const keep = (next: Loaded<T>) => {
      newest.current = next;
      setState(next);
    };
    const poller = new Poller<T>((signal) => latest.current(signal), keep, newest.current, periodMs);
    if (newest.current.data !== null) keep({ ...newest.current, stale: true });
    poller.start();
    return () => poller.stop();
  }, [key, periodMs]);
  return state;
}
