// The page of any rollup: its numbers are the answers of queries, its choices stay in the address.
import { eventually, equal, near, ok, settled } from './checks.mjs';
import { query } from './druid.mjs';
import { openPage } from './browser.mjs';

const iso = (ms) => new Date(ms).toISOString();

async function metadata(base, dataSource) {
  const analysisTypes = ['cardinality', 'aggregators', 'queryGranularity'];
  const { rows } = await query(base, { queryType: 'segmentMetadata', dataSource, merge: true, analysisTypes });
  return rows[0];
}

const isText = (aggregator) => /^string/.test(aggregator.type);
const isSketch = (aggregator) => /quantiles/.test(aggregator.type);

/** What the page shows: the rows of its table by value, and its span. */
async function shown(page) {
  return page.locator('.rollup').evaluate((element) => ({
    from: Number(element.dataset.from),
    to: Number(element.dataset.to),
    rows: Object.fromEntries(
      [...element.querySelectorAll('.values tbody tr')].map((row) => [
        row.querySelector('th').textContent.trim(),
        Object.fromEntries([...row.querySelectorAll('td')].map((td) => [td.dataset.column, td.dataset.value])),
      ]),
    ),
    charts: [...element.querySelectorAll('.metric-panel')].map((panel) => panel.dataset.metric),
  }));
}

export async function rollupChecks(checks, browser, base) {
  const names = await (await fetch(`${base}/druid/v2/datasources`)).json();

  await checks.check('every rollup has a page, with a chart for every metric', async () => {
    const { page, trouble, close } = await openPage(browser, base, { hash: '#/rollup' });
    for (const name of names) {
      const { aggregators } = await metadata(base, name);
      await page.goto(`${base}/#/rollup/${name}`);
      await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
      await settled(page);
      const { charts } = await shown(page);
      const drawn = Object.values(aggregators).filter((a) => !isText(a)).map((a) => a.name);
      equal([...charts].sort(), drawn.sort(), `charts of ${name}`);
      equal(await page.locator('.metric-panel .note').filter({ hasText: /rows|no unit|values/ }).count(), drawn.length,
        `what the numbers of ${name} are`);
    }
    equal(trouble, [], 'trouble on the page');
    await close();
  });

  await checks.check('the table is the answer of a query, and choosing a value asks about it alone', async () => {
    const name = 'rides_by_minute';
    const { page, trouble, close } = await openPage(browser, base, { hash: `#/rollup/${name}?by=city&range=15m` });
    await settled(page);
    await page.getByRole('button', { name: 'Stop here' }).click();
    await eventually(() => page.evaluate(() => location.hash.includes('at=')), 'the moment in the address');
    await settled(page);
    const { from, to, rows } = await shown(page);
    const { aggregators } = await metadata(base, name);
    const aggregations = Object.values(aggregators).filter((a) => !isText(a) && !isSketch(a));
    const asked = await query(base, {
      queryType: 'groupBy', dataSource: name, intervals: [`${iso(from)}/${iso(to)}`], granularity: 'all',
      dimensions: ['city'], aggregations,
    });
    ok(asked.rows.length > 1, 'several cities');
    equal(Object.keys(rows).length, asked.rows.length + 1, 'a line per city and one of all');
    for (const { event } of asked.rows) {
      for (const { name: metric } of aggregations) {
        near(Number(rows[event.city][metric]), event[metric], 1e-9, `${metric} of ${event.city}`);
      }
    }
    const total = asked.rows.reduce((sum, { event }) => sum + event.requested, 0);
    near(Number(rows.Together.requested), total, 1e-9, 'all cities together');

    const [{ event: { city } }] = asked.rows;
    await page.locator('.values tbody').getByRole('button', { name: city, exact: true }).click();
    await eventually(() => page.evaluate(() => location.hash.includes('where=city')), 'the value in the address');
    await eventually(async () => (await page.locator('.values tbody tr').count()) === 1, 'one line is left');
    await settled(page);
    near(Number((await shown(page)).rows.All.requested), asked.rows[0].event.requested, 1e-9, `rides of ${city}`);
    await page.getByRole('button', { name: `Only city ${city}: show all again` }).click();
    const lines = () => page.locator('.values tbody tr').count();
    await eventually(async () => (await lines()) === asked.rows.length + 1, 'all cities again');
    equal(trouble, [], 'trouble on the page');
    await close();
  });

  await checks.check('a column sorts, another dimension splits, and a reload keeps both', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/rollup/live_rides' });
    await settled(page);
    await page.locator('select[name=by]').selectOption('status');
    await eventually(() => page.evaluate(() => location.hash.includes('by=status')), 'the dimension in the address');
    await settled(page);
    await page.locator('.values thead').getByRole('button', { name: 'drivers' }).click();
    await eventually(() => page.evaluate(() => location.hash.includes('sort=drivers')), 'the column in the address');
    await settled(page);
    await page.reload();
    await settled(page);
    const values = await page.locator('.values tbody tr:not(.total) td[data-column=drivers]')
      .evaluateAll((cells) => cells.map((cell) => Number(cell.dataset.value)));
    ok(values.length > 1, 'several kinds of events');
    equal(values, [...values].sort((a, b) => b - a), 'the most drivers first');
    await close();
  });
}

/** Without the rollups of the ride-hailing job; the list of rollups is the test's. */
export async function otherJobChecks(checks, browser, base) {
  const only = async (rollups) => {
    const { page, close } = await openPage(browser, base, { hash: '#/job' });
    await page.route('**/druid/v2/datasources', (route) => route.fulfill({ json: rollups }));
    await page.goto(`${base}/?fresh#/`);
    return { page, close };
  };

  await checks.check('the first page of another job is that of its rollup', async () => {
    const { page, close } = await only(['live_trips']);
    await page.getByRole('heading', { level: 1, name: 'live_trips' }).waitFor();
    await settled(page);
    ok((await page.locator('.metric-panel canvas').count()) > 1, 'its metrics are drawn');
    equal(await page.locator('header.top nav a').allTextContents(), ['Rollups', 'Job'], 'no page of rides');
    await close();
  });

  await checks.check('a job without rollups is said in words', async () => {
    const { page, close } = await only([]);
    await page.getByRole('heading', { name: 'No rollup yet' }).waitFor();
    await close();
  });

  await checks.check('an empty rollup of another job is said in words', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/job' });
    await page.route('**/druid/v2', (route) => {
      const empty = (route.request().postData() ?? '').includes('timeBoundary');
      return empty ? route.fulfill({ json: [] }) : route.continue();
    });
    await page.goto(`${base}/#/rollup/live_trips`);
    await page.getByRole('heading', { name: 'No rows yet' }).waitFor();
    await close();
  });
}
