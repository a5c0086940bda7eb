// The first of a long list, and a button for all of it.
import { useState } from 'preact/hooks';

/** The first `most` items until all are asked for. */
export function useFirst<T>(items: T[], most: number) {
  const [all, setAll] = useState(false);
  const shown = all || items.length <= most + 1 ? items : items.slice(0, most);
  return { shown, all, isLong: items.length > most + 1, toggle: () => setAll(!all) };
}

interface Props {
  all: boolean;
  toggle: () => void;
  /** Such as "20 cities". */
  what: string;
}

export function ShowAll({ all, toggle, what }: Props) {
  return (
    <button type="button" class="text-button show-all" aria-expanded={all} onClick={toggle}>
      {all ? 'Show fewer' : `Show all ${what}`}
    </button>
  );
}
