// The last 24 hours from the final rows per city and minute.
import { runQuery } from '../../api/client';
import { totalsQuery, type TopNRow } from '../../api/druid';
import { cityColor } from '../../charts/palette';
import { usePoll } from '../../data/use_poll';
import { clockTime, compact, count, money, NO_CURRENCY, percent, title } from '../../model/format';
import { numberOf } from '../../model/series';
import { share } from '../../model/trend';
import { Panel } from '../../parts/panel';
import { ShowAll, useFirst } from '../../parts/show_all';
import type { Scope } from './scope';

const DAY = 86_400_000;
const MINUTE = 60_000;
const MOST_CITIES = 8;

interface Props {
  scope: Scope;
  cities: string[];
  chooseCity: (city: string | null) => void;
}

interface Total {
  city: string;
  requested: number;
  completed: number;
  cancelled: number;
  revenue: number;
}

interface TotalsData {
  from: number;
  to: number;
  rows: Total[];
  completeTo: number | null;
}

function totalOf(row: Record<string, unknown>): Total {
  const value = (name: string) => numberOf(row[name]) ?? 0;
  return {
    city: String(row['city'] ?? 'none'),
    requested: value('requested'),
    completed: value('completed'),
    cancelled: value('cancelled'),
    revenue: value('revenue'),
  };
}

function addUp(rows: Total[]): Total {
  const all = { city: '', requested: 0, completed: 0, cancelled: 0, revenue: 0 };
  for (const row of rows) {
    all.requested += row.requested;
    all.completed += row.completed;
    all.cancelled += row.cancelled;
    all.revenue += row.revenue;
  }
  return all;
}

export function Totals({ scope, cities, chooseCity }: Props) {
  const loaded = usePoll(`totals ${scope.city ?? ''} ${scope.fixed ? scope.at : ''}`, async (signal) => {
    const span = { from: Math.floor((scope.at - DAY) / MINUTE) * MINUTE, to: scope.at };
    const answer = await runQuery<TopNRow>(totalsQuery(span, scope.city), signal);
    const rows = (answer.rows[0]?.result ?? []).map(totalOf);
    return { ...span, rows, completeTo: answer.completeTo } satisfies TotalsData;
  });
  const complete = loaded.data?.completeTo ?? null;
  const until = complete === null ? ' only' : ` to ${clockTime(complete, false)}`;
  return (
    <Panel
      title="Last 24 hours"
      note={`Final minutes${until}. Revenue: ${NO_CURRENCY}`}
      loaded={loaded}
      isEmpty={(data) => data.rows.length === 0}
      emptyText="No minute is final yet. The first one arrives about a minute and a half after its first ride."
      minHeight={60}
    >
      {(data) => <TotalsTable data={data} cities={cities} chooseCity={chooseCity} />}
    </Panel>
  );
}

interface TableProps {
  data: TotalsData;
  cities: string[];
  chooseCity: (city: string | null) => void;
}

function TotalsTable({ data, cities, chooseCity }: TableProps) {
  const all = addUp(data.rows);
  return (
    <>
      <dl class="figures" data-from={data.from} data-to={data.to}>
        <div data-total="requested" data-value={all.requested}>
          <dt>Rides</dt>
          <dd>{count(all.requested)}</dd>
        </div>
        <div data-total="revenue" data-value={all.revenue}>
          <dt>Revenue</dt>
          <dd>{all.revenue < 1e7 ? money(all.revenue) : compact(all.revenue)}</dd>
        </div>
        <div data-total="cancelled" data-value={all.cancelled}>
          <dt>Cancelled</dt>
          <dd>{percent(share(all.cancelled, all.completed + all.cancelled))}</dd>
        </div>
      </dl>
      {data.rows.length > 1 && (
        <CityTable rows={data.rows} cities={cities} chooseCity={chooseCity} />
      )}
    </>
  );
}

function CityTable({ rows, cities, chooseCity }: Omit<TableProps, 'data'> & { rows: Total[] }) {
  const largest = Math.max(...rows.map((row) => row.requested), 1);
  const { shown, all, isLong, toggle } = useFirst(rows, MOST_CITIES);
  return (
    <>
      <div class="scroll-x" tabIndex={0} role="group" aria-label="Totals by city">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">City</th>
              <th scope="col" class="num">Rides</th>
              <th scope="col" class="num">Completed</th>
              <th scope="col" class="num">Revenue</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.city}>
                <th scope="row">
                  <button type="button" class="link" onClick={() => chooseCity(row.city)}>
                    {title(row.city)}
                  </button>
                  <span
                    class="bar"
                    style={{
                      width: `${(100 * row.requested) / largest}%`,
                      background: `var(${cityColor(row.city, cities)})`,
                    }}
                  />
                </th>
                <td class="num">{count(row.requested)}</td>
                <td class="num">{percent(share(row.completed, row.completed + row.cancelled), 0)}</td>
                <td class="num">{compact(row.revenue)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {isLong && <ShowAll all={all} toggle={toggle} what={`${rows.length} cities`} />}
    </>
  );
}
