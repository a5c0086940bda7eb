// Average rating by gender: the sum of all ratings of the range over their number.
import { runQuery } from '../../api/client';
import { ratingsQuery, type GroupByRow } from '../../api/druid';
import { usePoll } from '../../data/use_poll';
import { compact, rating } from '../../model/format';
import { pivot, sum } from '../../model/series';
import { chartSpan, lastOf } from '../../model/time';
import { share } from '../../model/trend';
import { Panel } from '../../parts/panel';
import type { Scope } from './scope';

/** The scale on which ratings are drawn; users rate from 3.5 to 5. */
const LOW = 3.5;
const HIGH = 5;

const NAMES: Record<string, string> = { F: 'Women', M: 'Men' };

interface GenderRating {
  gender: string;
  average: number | null;
  rides: number;
}

export function Ratings({ scope }: { scope: Scope }) {
  const loaded = usePoll(`ratings ${scope.range} ${scope.fixed ? scope.at : ''}`, async (signal) => {
    const span = chartSpan(scope.range, scope.at, scope.oldest, 60_000);
    const { rows } = await runQuery<GroupByRow>(ratingsQuery({ ...span, to: scope.at }), signal);
    const of = (metric: string) => pivot(rows, { ...span, to: scope.at }, 'gender', metric, null).series;
    const [sums, ratings, rides] = [of('rating_sum'), of('ratings'), of('total_rides')];
    return sums.map(({ key, values }, i): GenderRating => {
      const counts = ratings[i]!.values;
      return {
        gender: key,
        average: share(sum(values), sum(counts)),
        rides: sum(rides[i]!.values),
      };
    });
  });
  return (
    <Panel
      title="Ratings by gender"
      note={`Average of users in the ${lastOf(scope.range)}, all cities`}
      loaded={loaded}
      isEmpty={(data) => data.length === 0}
      emptyText="No user rated in this time range."
      minHeight={96}
    >
      {(data) => (
        <table class="table ratings">
          <thead>
            <tr>
              <th scope="col">Gender</th>
              <th scope="col" class="num">Rating</th>
              <th scope="col">
                <span class="scale">
                  <span>{LOW}</span>
                  <span>{HIGH}</span>
                </span>
                <span class="visually-hidden">Place on the scale</span>
              </th>
              <th scope="col" class="num">Rides</th>
            </tr>
          </thead>
          <tbody>
            {data.map((row) => (
              <tr key={row.gender}>
                <th scope="row">{NAMES[row.gender] ?? row.gender}</th>
                <td class="num">{rating(row.average)}</td>
                <td class="scale-cell">
                  <span class="track" aria-hidden="true">
                    {row.average !== null && <i style={{ left: `${place(row.average)}%` }} />}
                  </span>
                </td>
                <td class="num">{compact(row.rides)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function place(average: number): number {
  return (100 * (Math.min(HIGH, Math.max(LOW, average)) - LOW)) / (HIGH - LOW);
}
