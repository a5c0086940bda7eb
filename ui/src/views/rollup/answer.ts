// The questions behind the page of a rollup.
import { runQuery } from '../../api/client';
import type { GroupByRow, TimeseriesRow, TopNRow } from '../../api/druid';
import { SERIES_COLORS } from '../../charts/palette';
import { seriesQuery, totalQuery, valuesQuery, type Chosen, type RollupShape } from '../../model/rollup';
import { linesOf, NO_VALUE, valueName, type Lines } from '../../model/rollup_data';
import type { RollupRoute } from '../../model/route';
import type { Span } from '../../model/time';
import type { ValueRow } from './panels';

export interface Answer {
  span: Span;
  rows: ValueRow[];
  total: Record<string, unknown>;
  drawn: string[];
  lines: Lines;
  completeTo: number | null;
}

/** What the page of a rollup shows: the values of `by`, and over time those that are drawn. */
export async function readAnswer(
  shape: RollupShape, by: string | null, sort: string | null, route: RollupRoute, span: Span, places: string[],
  signal: AbortSignal,
): Promise<Answer> {
  const where = route.where.map(([d, value]): Chosen[number] => [d, value === NO_VALUE ? null : value]);
  // Awaited together: of a question that is given up no promise may be left that nobody listens to.
  const [found, total] = await Promise.all([
    by === null || sort === null ? [] : values(shape, span, by, sort, where, signal),
    runQuery<TimeseriesRow>(totalQuery(shape, span, where), signal),
  ]);
  const drawn = by === null ? [''] : chooseDrawn(found.map((row) => row.name), places);
  const asked = drawn.map((value) => (value === NO_VALUE ? null : value));
  const answer = await runQuery<GroupByRow>(seriesQuery(shape, span, by, asked, where), signal);
  return {
    span, rows: found, total: total.rows[0]?.result ?? {}, drawn,
    lines: linesOf(answer.rows, shape, span, by, drawn), completeTo: answer.completeTo,
  };
}

async function values(
  shape: RollupShape, span: Span, by: string, sort: string, where: Chosen, signal: AbortSignal,
): Promise<ValueRow[]> {
  const { rows } = await runQuery<TopNRow>(valuesQuery(shape, span, by, sort, where), signal);
  return (rows[0]?.result ?? []).map((cells) => ({ name: valueName(cells[by]), cells }));
}

/** The first values; those drawn already keep their place and colour while they are among them. */
function chooseDrawn(names: string[], places: string[]): string[] {
  const first = names.slice(0, SERIES_COLORS);
  const fresh = first.filter((name) => !places.includes(name));
  const kept = places.map((name) => (first.includes(name) ? name : fresh.shift())).filter((n) => n !== undefined);
  return [...kept, ...fresh];
}
