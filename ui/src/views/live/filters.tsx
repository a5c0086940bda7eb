import { clockTime, title } from '../../model/format';
import type { LiveRoute, Route } from '../../model/route';
import { RANGE_NAMES, RANGES } from '../../model/time';
import { Segmented } from '../../parts/segmented';

interface Props {
  route: LiveRoute;
  cities: string[];
  moment: number | null;
  go: (route: Route) => void;
}

export function Filters({ route, cities, moment, go }: Props) {
  const paused = route.at !== null;
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <label class="select">
        <span class="visually-hidden">City</span>
        <select
          name="city"
          value={route.city ?? ''}
          onChange={(event) => go({ ...route, city: event.currentTarget.value || null })}
        >
          <option value="">All cities</option>
          {cities.map((city) => (
            <option key={city} value={city}>
              {title(city)}
            </option>
          ))}
        </select>
      </label>
      <Segmented
        legend="Time range"
        name="range"
        value={route.range}
        options={RANGES.map((range) => ({ value: range, label: range, name: RANGE_NAMES[range] }))}
        onChange={(range) => go({ ...route, range })}
      />
      <button
        type="button"
        class="text-button"
        aria-pressed={paused}
        disabled={!paused && moment === null}
        onClick={() => go({ ...route, at: paused ? null : moment })}
      >
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
          {paused ? (
            <path d="M4 2.5v11l9-5.5z" fill="currentColor" />
          ) : (
            <path d="M4 2.5h3v11H4zM9 2.5h3v11H9z" fill="currentColor" />
          )}
        </svg>
        {paused ? `Stopped at ${clockTime(route.at)}` : 'Stop here'}
      </button>
    </form>
  );
}
