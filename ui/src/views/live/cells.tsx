// Where requests and free vehicles meet: a field of cells per city, or the same as a table.
import { useState } from 'preact/hooks';
import { runQuery } from '../../api/client';
import { cellsQuery, MOST_CELLS, type GroupByRow } from '../../api/druid';
import { CellMap } from '../../charts/cell_map';
import { usePoll } from '../../data/use_poll';
import { cityGrids, mostWanted, type CityGrid } from '../../model/cells';
import { compact, count, title } from '../../model/format';
import { RANGE_MS, lastOf } from '../../model/time';
import { Panel } from '../../parts/panel';
import { ShowAll, useFirst } from '../../parts/show_all';
import { Segmented } from '../../parts/segmented';
import type { Scope } from './scope';

const MINUTE = 60_000;
const MOST_ROWS = 40;
const MOST_MAPS = 9;

type View = 'map' | 'table';

interface Props {
  scope: Scope;
  /** The busiest first. */
  cities: string[];
  chooseCity: (city: string | null) => void;
}

export function Cells({ scope, cities, chooseCity }: Props) {
  const [view, setView] = useState<View>('map');
  const loaded = usePoll(`cells ${scope.key}`, async (signal) => {
    const from = Math.floor((scope.at - RANGE_MS[scope.range]) / MINUTE) * MINUTE;
    const { rows } = await runQuery<GroupByRow>(cellsQuery({ from, to: scope.at }, scope.city), signal);
    return { ...cityGrids(rows), cut: rows.length >= MOST_CELLS };
  });
  return (
    <Panel
      title="Supply and demand"
      note={`Requests against available vehicles, ${lastOf(scope.range)}`}
      loaded={loaded}
      isEmpty={(data) => data.grids.length === 0}
      emptyText="No request and no available vehicle with a place in this time range."
      minHeight={300}
      actions={
        <Segmented
          legend="Show as"
          name="cells-view"
          value={view}
          options={[
            { value: 'map', label: 'Map' },
            { value: 'table', label: 'Table' },
          ]}
          onChange={setView}
        />
      }
    >
      {({ grids, strongest, cut }) => (
        <>
          {view === 'map' ? (
            <Maps
              grids={inOrder(grids, cities)} strongest={strongest} alone={scope.city !== null} chooseCity={chooseCity}
            />
          ) : (
            <CellTable grids={grids} />
          )}
          {cut && (
            <p class="note">Only the first {count(MOST_CELLS)} cells are shown. Choose a city to see all of its.</p>
          )}
        </>
      )}
    </Panel>
  );
}

function inOrder(grids: CityGrid[], cities: string[]): CityGrid[] {
  const place = ({ city }: CityGrid) => (cities.includes(city) ? cities.indexOf(city) : cities.length);
  return [...grids].sort((a, b) => place(a) - place(b));
}

interface MapsProps {
  grids: CityGrid[];
  strongest: number;
  alone: boolean;
  chooseCity: (city: string | null) => void;
}

function Maps({ grids, strongest, alone, chooseCity }: MapsProps) {
  const busiest = Math.max(1, ...grids.flatMap((grid) => grid.cells.map((c) => c.requests + c.available)));
  const { shown, all, isLong, toggle } = useFirst(grids, MOST_MAPS);
  if (grids.every((grid) => grid.columns === 0)) return <CellTable grids={grids} />;
  return (
    <>
      <div class={alone ? 'maps maps-alone' : 'maps'}>
        {shown.map((grid) => (
          <figure key={grid.city}>
            <figcaption>
              {alone ? (
                <span>{title(grid.city)}</span>
              ) : (
                <button type="button" class="link" onClick={() => chooseCity(grid.city)}>
                  {title(grid.city)}
                </button>
              )}
              <span class="note">{compact(grid.requests)} requests</span>
            </figcaption>
            <CellMap grid={grid} label={mapLabel(grid)} busiest={busiest} tall={alone} />
          </figure>
        ))}
      </div>
      {isLong && <ShowAll all={all} toggle={toggle} what={`${grids.length} cities`} />}
      <p class="map-key" aria-hidden="true">
        <span>More vehicles</span>
        {[1, 2, 3, 4, 5].map((step) => (
          <i key={step} style={{ background: `var(--balance-${step})` }} />
        ))}
        <span>More requests</span>
        <span class="map-key-size">
          Darkest: {strongest.toFixed(1)} times the average of requests per vehicle, or more. Size: how busy
        </span>
      </p>
    </>
  );
}

function mapLabel(grid: CityGrid): string {
  const [first] = mostWanted(grid.cells, 1);
  const short = first && first.balance > 0 ? ` Vehicles are shortest in cell ${first.name}.` : '';
  return (
    `${title(grid.city)}: ${compact(grid.requests)} requests and ${compact(grid.available)} available ` +
    `vehicles in ${grid.cells.length} cells.${short}`
  );
}

function CellTable({ grids }: { grids: CityGrid[] }) {
  const rows = mostWanted(grids.flatMap((grid) => grid.cells), MOST_ROWS);
  return (
    <div class="scroll cell-table" tabIndex={0} role="group" aria-label="Cells, most requests per vehicle first">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">City</th>
            <th scope="col">Cell</th>
            <th scope="col" class="num">Requests</th>
            <th scope="col" class="num">Available</th>
            <th scope="col">Short of</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((cell) => (
            <tr key={`${cell.city} ${cell.name}`}>
              <th scope="row">{title(cell.city)}</th>
              <td class="mono">{cell.name}</td>
              <td class="num">{count(cell.requests)}</td>
              <td class="num">{count(cell.available)}</td>
              <td>{balanceWord(cell.balance)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function balanceWord(balance: number): string {
  if (balance > 0.6) return 'vehicles, clearly';
  if (balance > 0.2) return 'vehicles';
  if (balance < -0.6) return 'requests, clearly';
  if (balance < -0.2) return 'requests';
  return 'nothing';
}
