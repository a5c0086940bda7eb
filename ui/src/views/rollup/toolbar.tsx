// Which rollup, split by what, which values alone, how far back.
import { clockTime } from '../../model/format';
import { ROLLUP_RANGES, type RollupRange, type RollupShape } from '../../model/rollup';
import { anyRollup, type RollupRoute, type Route } from '../../model/route';
import { Segmented } from '../../parts/segmented';

interface Props {
  route: RollupRoute;
  rollups: string[];
  name: string;
  shape: RollupShape | null;
  by: string | null;
  range: RollupRange | null;
  /** The moment shown, to stop at. */
  moment: number | null;
  go: (route: Route) => void;
}

export function Toolbar({ route, rollups, name, shape, by, range, moment, go }: Props) {
  const stopped = route.at !== null;
  return (
    <form class="filters" aria-label="What to show" onSubmit={(event) => event.preventDefault()}>
      <label class="select">
        <span class="visually-hidden">Rollup</span>
        <select name="rollup" value={name} onChange={(event) => go(anyRollup(event.currentTarget.value))}>
          {rollups.map((one) => <option key={one} value={one}>{one}</option>)}
        </select>
      </label>
      {shape !== null && (
        <label class="select">
          <span class="visually-hidden">Split by</span>
          <select
            name="by"
            value={by ?? ''}
            onChange={(event) => go({ ...route, rollup: name, by: event.currentTarget.value, sort: null })}
          >
            <option value="">Everything together</option>
            {shape.dimensions.map((d) => <option key={d.name} value={d.name}>by {d.name}</option>)}
          </select>
        </label>
      )}
      {range !== null && (
        <Segmented
          legend="Time range"
          name="range"
          value={range}
          options={ROLLUP_RANGES.map((one) => ({ value: one, label: one, name: one === 'all' ? 'All there is' : one }))}
          onChange={(chosen) => go({ ...route, rollup: name, range: chosen })}
        />
      )}
      <button
        type="button"
        class="text-button"
        aria-pressed={stopped}
        disabled={!stopped && moment === null}
        onClick={() => go({ ...route, rollup: name, at: stopped ? null : moment })}
      >
        {stopped ? `Stopped at ${clockTime(route.at)}` : 'Stop here'}
      </button>
      {route.where.map(([dimension, value]) => (
        <button
          key={dimension}
          type="button"
          class="text-button"
          aria-label={`Only ${dimension} ${value}: show all again`}
          onClick={() => go({ ...route, rollup: name, where: route.where.filter(([d]) => d !== dimension) })}
        >
          {dimension}: {value} ✕
        </button>
      ))}
    </form>
  );
}
