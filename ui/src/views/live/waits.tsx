// How long riders wait and ride, from the sessions of finished rides.
import { runQuery } from '../../api/client';
import { waitsQuery, type TimeseriesRow } from '../../api/druid';
import { usePoll } from '../../data/use_poll';
import { compact, duration, title } from '../../model/format';
import { numberOf } from '../../model/series';
import { RANGE_MS, lastOf } from '../../model/time';
import { Panel } from '../../parts/panel';
import { placeName, type Scope } from './scope';

const MINUTE = 60_000;

export function Waits({ scope }: { scope: Scope }) {
  const loaded = usePoll(`waits ${scope.key}`, async (signal) => {
    const from = Math.floor((scope.at - RANGE_MS[scope.range]) / MINUTE) * MINUTE;
    const answer = await runQuery<TimeseriesRow>(waitsQuery({ from, to: scope.at }, scope.city), signal);
    const result = answer.rows[0]?.result ?? {};
    const value = (name: string) => numberOf(result[name]);
    return {
      trips: value('trips') ?? 0,
      wait: [value('wait_p50'), value('wait_p90')] as const,
      trip: [value('trip_p50'), value('trip_p90')] as const,
    };
  });
  const time = (seconds: number | null) => duration(seconds === null ? null : Math.round(seconds) * 1000);
  return (
    <Panel
      title="Waiting and travelling"
      note={`Rides finished in the ${lastOf(scope.range)}, ${placeName(scope, title)}`}
      loaded={loaded}
      isEmpty={(data) => data.trips === 0}
      emptyText="No ride was finished in this time range."
      minHeight={96}
    >
      {(data) => (
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{compact(data.trips)} rides</th>
              <th scope="col" class="num">Median</th>
              <th scope="col" class="num">90% within</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">Time to pickup</th>
              <td class="num">{time(data.wait[0])}</td>
              <td class="num">{time(data.wait[1])}</td>
            </tr>
            <tr>
              <th scope="row">Trip time</th>
              <td class="num">{time(data.trip[0])}</td>
              <td class="num">{time(data.trip[1])}</td>
            </tr>
          </tbody>
        </table>
      )}
    </Panel>
  );
}
