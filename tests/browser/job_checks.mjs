// The job page: the document of the API, drawn and added up.
import { eventually, equal, ok } from './checks.mjs';
import { openPage } from './browser.mjs';

export async function jobChecks(checks, browser, base) {
  const [first] = await (await fetch(`${base}/api/v1/jobs`)).json();
  const document = await (await fetch(`${base}/api/v1/jobs/${encodeURIComponent(first.job)}`)).json();

  await checks.check('the graph shows every step, the page every source and checkpoint', async () => {
    const { page, trouble, close } = await openPage(browser, base, { hash: '#/job' });
    await page.getByRole('heading', { level: 1, name: document.job }).waitFor();
    // Outputs for late and rejected rows that nobody asked for may get their first row any time.
    const named = document.nodes.filter((node) => !node.step.startsWith('_'));
    const label = (node) => (node.role === 'rejected' ? `${node.step}.rejected` : node.step);
    const names = await page.locator('svg.graph .node-name').allTextContents();
    equal(names.filter((name) => !name.startsWith('_')).sort(), [...new Set(named.map(label))].sort(), 'steps');
    const step = new Map(named.map((node) => [node.id, label(node)]));
    const between = (e) => step.has(e.from) && step.has(e.to) && step.get(e.from) !== step.get(e.to);
    const edges = new Set(document.edges.filter(between).map((e) => `${step.get(e.from)} ${step.get(e.to)} ${e.port}`));
    ok((await page.locator('svg.graph .edge').count()) >= edges.size, 'edges drawn');
    const partitions = document.sources.reduce((total, source) => total + source.partitions.length, 0);
    const section = (id) => page.locator(`section[aria-labelledby=${id}]`);
    equal(await section('panel-partitions').locator('tbody tr').count(), partitions, 'partitions listed');
    await eventually(
      async () => (await section('panel-checkpoints').locator('tbody tr').count()) > 0,
      'a checkpoint is listed',
    );
    equal(trouble, [], 'trouble on the page');
    await close();
  });

  await checks.check('numbers of the row account are those of the document', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/job' });
    const answered = page.waitForResponse((r) => /\/api\/v1\/jobs\/[^/]+$/.test(r.url()) && r.ok());
    const job = await (await answered).json();
    const cell = page.locator('.account').first().locator('tbody tr').first().locator('td').first();
    const polled = async () => Number((await cell.textContent()).replace(/,/g, ''));
    ok((await eventually(polled, 'a count of polled rows')) >= job.sources[0].polled, 'polled rows shown');
    await page.waitForTimeout(3500);
    await page.getByText('Every row is accounted for').waitFor();
    await close();
  });

  await checks.check('a lost row is called out', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/live' });
    await page.route(/\/api\/v1\/jobs\/[^/]+$/, async (route) => {
      const response = await route.fetch();
      const job = await response.json();
      job.sources[0].decoded -= 7;
      await route.fulfill({ response, json: job });
    });
    await page.goto(`${base}/#/job`);
    await page.getByText('1 line does not add up').waitFor();
    equal(await page.locator('.wrong strong').textContent(), '7', 'the difference');
    await close();
  });

  await checks.check('a step shows its rows', async () => {
    const { page, trouble, close } = await openPage(browser, base, { hash: '#/job' });
    const source = document.nodes.find((node) => node.role === 'source');
    await page.locator('svg.graph .node', { hasText: source.step }).first().click();
    await page.getByRole('heading', { name: `Rows of ${source.step}` }).waitFor();
    ok(await page.evaluate((s) => location.hash.includes(`step=${s}`), source.step), 'the step is in the address');
    await eventually(async () => (await page.locator('.rows tbody tr').count()) > 0, 'rows of the step');
    await page.getByRole('button', { name: 'Close' }).click();
    await eventually(async () => (await page.locator('.rows').count()) === 0, 'the rows are gone');
    equal(trouble, [], 'trouble on the page');
    await close();
  });
}
