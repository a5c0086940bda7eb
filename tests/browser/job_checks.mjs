// The job page: the document of the API, drawn and added up.
import { answers, eventually, equal, isJob, ok } from './checks.mjs';
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
    await answers(page, isJob, 4);
    await page.getByText('Every row is accounted for').waitFor();
    await close();
  });

  await checks.check('the row account has a line per step of the file, and its parts unfold', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/job' });
    const lines = page.locator('.account.steps tr[data-step]');
    await lines.first().waitFor();
    const names = await lines.evaluateAll((rows) => rows.map((row) => row.dataset.step));
    equal(names.length, new Set(names).size, 'every step once');
    const steps = new Map();
    for (const node of document.nodes.filter((n) => n.role !== 'source' && !n.step.startsWith('_'))) {
      const name = node.role === 'rejected' ? `${node.step}.rejected` : node.step;
      steps.set(name, (steps.get(name) ?? 0) + 1);
    }
    equal(names.filter((name) => !name.startsWith('_')).sort(), [...steps.keys()].sort(), 'the steps');
    const [folded, parts] = [...steps].find(([, count]) => count > 1) ?? [];
    if (folded !== undefined) {
      equal(await page.locator('.account .part').count(), 0, 'parts shown before unfolding');
      await page.getByRole('button', { name: `${parts} parts of ${folded}`, exact: true }).click();
      equal(await page.locator('.account .part').count(), parts, `parts of ${folded}`);
    }
    await close();
  });

  await checks.check('on a phone nothing is cut off', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/job', width: 360, height: 780 });
    await page.locator('.step').first().waitFor();
    const drawn = await page.locator('.step-list .step').count();
    const named = new Set(document.nodes.filter((n) => !n.step.startsWith('_')).map((n) => n.step));
    ok(drawn >= named.size, `${drawn} of ${named.size} steps listed`);
    const cut = () => page.evaluate(() =>
      [...window.document.querySelectorAll('.scroll-x')]
        .filter((element) => element.scrollWidth > element.clientWidth)
        .map((element) => `${element.getAttribute('aria-label')}: ${element.scrollWidth} px`));
    equal(await cut(), [], 'tables wider than the phone');
    ok((await page.locator('.account-list [data-step]').count()) >= named.size - 3, 'an account of every step');
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

/** What a job waits for and how far its files are, as a server would tell; the document is the test's. */
export async function jobStateChecks(checks, browser, base) {
  const told = async (width) => {
    const { page, trouble, close } = await openPage(browser, base, { hash: '#/live', width, height: 780 });
    await page.route(/\/api\/v1\/jobs\/[^/]+$/, async (route) => {
      const response = await route.fetch();
      const job = await response.json();
      job.waiting = [{ step: 'minutes', for: 'the brokers of topic minutes', since: job.started_at }];
      job.sources[0].watermark_waits_for = ['vehicles'];
      Object.assign(job.sources[0].partitions[1], { paused: true, waits_for: 3 });
      const file = (name, state, read, note = null) => ({ path: `in/${name}.csv`, state, read, size: 9000, note });
      job.sources[1].files = {
        found: 1, reading: 1, done: 297, refused: 1,
        list: [
          file('new', 'found', 0), file('now', 'reading', 4500),
          file('changed', 'refused', 9000, 'changed after it was read'),
          ...Array.from({ length: 20 }, (_, i) => file(`old${i}`, 'done', 9000)),
        ],
      };
      await route.fulfill({ response, json: job });
    });
    await page.goto(`${base}/#/job`);
    await page.getByRole('heading', { name: 'Files of' }).waitFor();
    return { page, trouble, close };
  };

  await checks.check('files, pauses and what is waited for are told', async () => {
    const { page, trouble, close } = await told(1440);
    const files = page.locator('[data-files]');
    const summary = '297 done, 1 being read, 1 not begun; 23 of 300 are listed';
    ok(await files.getByText(summary).isVisible(), 'how many files');
    equal(await files.locator('tr[data-state=reading] td.num').first().textContent(), '50%', 'how far a file is');
    ok(await files.getByText('changed after it was read').isVisible(), 'why a file is refused');
    await files.getByRole('button', { name: 'Show all 23 files' }).click();
    equal(await files.locator('tbody tr').count(), 23, 'all files that the server lists');
    ok(await page.getByText(/minutes waits for the brokers of topic minutes, for/).isVisible(), 'what is waited for');
    ok(await page.getByText('waits for vehicles to prove the end').isVisible(), 'what holds the watermark');
    ok(await page.getByText('paused, waits for 3').isVisible(), 'the paused partition');
    equal(trouble, [], 'trouble on the page');
    await close();
  });

  await checks.check('files fit a phone', async () => {
    const { page, close } = await told(360);
    const wide = await page.locator('[data-files] .scroll-x').evaluate((e) => e.scrollWidth - e.clientWidth);
    ok(wide <= 0, `${wide} px are cut off`);
    ok((await page.evaluate(() => window.document.documentElement.scrollWidth)) <= 360, 'the page fits');
    await close();
  });
}
