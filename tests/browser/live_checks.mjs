// The live page: its numbers are the answers of queries, its filters filter and stay in the address.
import { answers, eventually, equal, isQuery, near, ok, settled } from './checks.mjs';
import { completeMoment, dayTotals, minute } from './druid.mjs';
import { openPage } from './browser.mjs';

const tileOf = (page, name) => page.locator(`[data-tile="${name}"]`);
const grouped = (n) => Math.round(n).toLocaleString('en-US');

async function tiles(page) {
  return page.locator('.tiles').evaluate((element) => ({
    from: Number(element.dataset.from),
    to: Number(element.dataset.to),
    values: Object.fromEntries(
      [...element.querySelectorAll('[data-tile]')].map((t) => [t.dataset.tile, Number(t.dataset.value)]),
    ),
    texts: Object.fromEntries(
      [...element.querySelectorAll('[data-tile]')].map((t) => [
        t.dataset.tile, t.querySelector('.tile-value').textContent,
      ]),
    ),
  }));
}

async function expectTiles(base, page, city) {
  const shown = await tiles(page);
  const result = await minute(base, shown.from, shown.to, city);
  equal(shown.to - shown.from, 60_000, 'length of the minute');
  equal(shown.values.requested, result.requested ?? 0, 'rides requested');
  equal(shown.texts.requested, grouped(result.requested ?? 0), 'rides requested as text');
  near(shown.values.revenue, result.revenue ?? 0, 1e-9, 'revenue');
  near(shown.values.rate, result.completed / (result.completed + result.cancelled), 1e-9, 'completion rate');
  equal(shown.texts.rate, `${((100 * result.completed) / (result.completed + result.cancelled)).toFixed(1)}%`, 'rate');
  equal(shown.values.drivers, Math.round(result.drivers), 'active drivers');
  return { shown, result };
}

export async function liveChecks(checks, browser, base, { patience }) {
  let at = 0;
  let cities = [];
  await checks.check('there is a complete minute to look at', async () => {
    at = await completeMoment(base, 65_000, patience);
  });
  const fixed = `#/live?at=${new Date(at).toISOString()}`;

  await checks.check('big numbers are the answer of a query', async () => {
    const { page, trouble, close } = await openPage(browser, base, { hash: fixed });
    await settled(page);
    const { result } = await expectTiles(base, page, null);
    ok(result.requested > 0, 'rides were requested in that minute');
    cities = await page.locator('select[name=city] option').evaluateAll((all) => all.map((o) => o.value).slice(1));
    ok(cities.length > 1, 'more than one city to choose');
    equal(trouble, [], 'trouble on the page');
    await close();
  });

  await checks.check('the city filter changes the numbers and the address', async () => {
    const { page, trouble, close } = await openPage(browser, base, { hash: fixed });
    await settled(page);
    const city = cities[cities.length - 1];
    await page.locator('select[name=city]').selectOption(city);
    await eventually(() => page.evaluate((c) => location.hash.includes(`city=${c}`), city), 'city in the address');
    await settled(page);
    const { shown, result } = await expectTiles(base, page, city);
    const all = await minute(base, shown.from, shown.to, null);
    ok(result.requested < all.requested, 'one city has fewer rides than all');
    equal(await page.locator('.legend button').count(), 1, 'one line in the chart');
    await page.reload();
    await settled(page);
    equal(await page.locator('select[name=city]').inputValue(), city, 'the city after a reload');
    equal(trouble, [], 'trouble on the page');
    await close();
  });

  await checks.check('the time range changes the question and the address', async () => {
    const { page, close } = await openPage(browser, base, { hash: fixed });
    await settled(page);
    for (const range of ['5m', '1h', '6h', '24h', '15m']) {
      const asked = page.waitForRequest((r) => {
        const body = r.postData() ?? '';
        if (!body.includes('"live_cells"')) return false;
        const [from, to] = JSON.parse(body).intervals[0].split('/').map((t) => Date.parse(t));
        const minutes = { '5m': 5, '15m': 15, '1h': 60, '6h': 360, '24h': 1440 }[range];
        return Math.abs((to - from) / 60_000 - minutes) <= 1;
      });
      asked.catch(() => {}); // told where it is awaited, unless the choice before it fails
      await page.locator(`.filters input[value="${range}"]`).check({ force: true });
      await asked;
      const expected = range === '15m' ? null : range;
      const inAddress = () => new URLSearchParams(location.hash.split('?')[1]).get('range');
      equal(await page.evaluate(inAddress), expected, 'range');
    }
    await close();
  });

  await checks.check('totals of a day are the sum of the final minutes', async () => {
    const { page, close } = await openPage(browser, base, { hash: fixed });
    await settled(page);
    if ((await page.locator('dl.figures[data-from]').count()) === 0) {
      ok(await page.getByText('No minute is final yet').isVisible(), 'totals or a word about why there are none');
    } else {
      const read = () => page.locator('dl.figures[data-from]').evaluate((element) => ({
        from: Number(element.dataset.from),
        to: Number(element.dataset.to),
        requested: Number(element.querySelector('[data-total=requested]').dataset.value),
        revenue: Number(element.querySelector('[data-total=revenue]').dataset.value),
      }));
      // A minute may become final between the page's question and this one: asked again, both know it.
      await eventually(async () => {
        const { from, to } = await read();
        const result = await dayTotals(base, from, to);
        const shown = await read();
        return shown.requested === result.requested && Math.abs(shown.revenue - result.revenue) < 1e-6 * result.revenue;
      }, 'rides and revenue of the day are the sums of the final minutes');
    }
    await close();
  });

  await checks.check('refreshes every second, one request in flight per query', async () => {
    const { page, trouble, close } = await openPage(browser, base, { hash: '#/live' });
    await settled(page);
    const open = new Map();
    const times = new Map();
    let most = 0;
    const keyOf = (request) => {
      const body = JSON.parse(request.postData() ?? '{}');
      // "Now" and "before" are two questions of the same shape; their order tells them apart.
      return JSON.stringify({ ...body, intervals: null });
    };
    page.on('request', (request) => {
      if (!request.url().endsWith('/druid/v2')) return;
      const key = keyOf(request);
      times.set(key, (times.get(key) ?? 0) + 1);
      open.set(key, (open.get(key) ?? 0) + 1);
      const pair = key.includes('"granularity":"all"') && key.includes('"drivers"') ? 2 : 1;
      most = Math.max(most, open.get(key) / pair);
    });
    const done = (request) => {
      if (request.url().endsWith('/druid/v2')) open.set(keyOf(request), (open.get(keyOf(request)) ?? 1) - 1);
    };
    page.on('requestfinished', done);
    page.on('requestfailed', done);
    const before = await tiles(page);
    await eventually(async () => (await tiles(page)).to > before.to, 'a newer minute is shown');
    const often = () => [...times.values()].filter((n) => n >= 3).length;
    await eventually(() => times.size >= 8 && often() >= 8, 'every panel asks again and again');
    ok(most <= 1, `at most one request in flight per query, saw ${most}`);
    equal(trouble, [], 'trouble on the page');
    await close();
  });

  await checks.check('stopping holds the moment, going on follows the data', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/live' });
    await settled(page);
    await page.getByRole('button', { name: 'Stop here' }).click();
    await eventually(() => page.evaluate(() => location.hash.includes('at=')), 'the moment in the address');
    await settled(page);
    const held = await tiles(page);
    await answers(page, isQuery, 24);
    equal((await tiles(page)).to, held.to, 'the end of the minute while stopped');
    await page.getByRole('button', { name: /^Stopped at/ }).click();
    await eventually(async () => (await tiles(page)).to > held.to, 'the minute moves on');
    await close();
  });

  await checks.check('supply and demand also reads as a table', async () => {
    const { page, close } = await openPage(browser, base, { hash: fixed });
    await settled(page);
    await page.locator('input[name=cells-view][value=table]').check({ force: true });
    ok((await page.locator('.cell-table tbody tr').count()) > 0, 'cells in the table');
    await close();
  });
}

/** States that the network makes; the page's requests are answered by the test. */
export async function stateChecks(checks, browser, base) {
  await checks.check('an empty rollup is said in words', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/job' });
    await page.route('**/druid/v2', (route) => route.fulfill({ json: [] }));
    await page.goto(`${base}/#/live`);
    await page.getByRole('heading', { name: 'No rides yet' }).waitFor();
    await close();
  });

  await checks.check('a refused query shows the server’s sentence', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/job' });
    await page.route('**/druid/v2', (route) => {
      const body = route.request().postData() ?? '';
      if (!body.includes('live_ratings')) return route.continue();
      const json = { error: 'bad', message: 'The rollup live_ratings is being loaded.' };
      return route.fulfill({ status: 400, json });
    });
    await page.goto(`${base}/#/live`);
    await page.getByText('The rollup live_ratings is being loaded.').waitFor();
    await close();
  });

  await checks.check('a server that wants a token is given one', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/job' });
    const token = 'secret-of-the-test';
    await page.route(/\/(druid|api)\//, async (route) => {
      const given = route.request().headers().authorization;
      if (given === `Bearer ${token}`) return route.continue();
      const message = 'This request needs a token.';
      return route.fulfill({ status: 401, json: { error: 'unauthorized', message } });
    });
    await page.goto(`${base}/#/live`);
    const field = page.getByLabel('This server wants a token.');
    await field.fill('wrong');
    await page.getByRole('button', { name: 'Use token' }).click();
    await page.getByText('This token is not accepted.').waitFor();
    await page.locator('input[name=token]').fill(token);
    await page.keyboard.press('Enter');
    await eventually(async () => (await tileOf(page, 'requested').count()) === 1, 'numbers after the token');
    await eventually(async () => (await page.locator('input[name=token]').count()) === 0, 'the form is gone');
    await page.reload();
    await settled(page);
    ok((await page.locator('.tiles[data-from]').count()) === 1, 'the tab keeps the token');
    await close();
  });

  await checks.check('a lost connection is said and heals by itself', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/live' });
    await settled(page);
    const before = await tiles(page);
    await page.context().setOffline(true);
    await page.getByText('Disconnected, trying again.').waitFor();
    equal((await tiles(page)).texts.requested !== '', true, 'numbers stay while disconnected');
    await page.context().setOffline(false);
    await eventually(async () => (await tiles(page)).to > before.to, 'numbers move again');
    await close();
  });
}
