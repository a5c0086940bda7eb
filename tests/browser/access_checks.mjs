// For everyone: axe without findings in both colours, the keyboard alone, a phone, a wide screen.
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { eventually, equal, ok, settled } from './checks.mjs';
import { openPage } from './browser.mjs';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** A page that counts as hidden asks nothing: axe takes seconds, and must not share them with a page that moves. */
const hide = (page, hidden) =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

async function findings(page) {
  await hide(page, true);
  await page.evaluate(await readFile(axePath, 'utf8'));
  const runOnly = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const options = { runOnly, resultTypes: ['violations'] };
  const { violations } = await page.evaluate((given) => globalThis.axe.run(document, given), options);
  await hide(page, false);
  const place = (node) => `${node.target} ${node.failureSummary}`;
  return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(place)}`);
}

const PAGES = { live: '#/live', job: '#/job', rollup: '#/rollup/live_trips' };

/** `schemes` and `widths`: how the pages are looked at, each loaded once. */
export async function accessChecks(checks, browser, base, { schemes, widths }) {
  for (const [name, hash] of Object.entries(PAGES)) {
    await checks.check(`axe finds nothing on the ${name} page, ${schemes.join(' and ')}`, async () => {
      const { page, close } = await openPage(browser, base, { hash, scheme: schemes[0] });
      for (const scheme of schemes) {
        await page.emulateMedia({ colorScheme: scheme });
        await settled(page);
        await eventually(() => page.evaluate((s) => document.documentElement.dataset.theme === s, scheme), scheme);
        equal(await findings(page), [], `findings, ${scheme}`);
      }
      await close();
    });
    if (widths.length === 0) continue;
    await checks.check(`the ${name} page fits ${widths.join(', ')} px`, async () => {
      const { page, close } = await openPage(browser, base, { hash, width: widths[0], height: 780 });
      for (const width of widths) {
        await page.setViewportSize({ width, height: 780 });
        await settled(page);
        const fits = () => page.evaluate((most) => document.documentElement.scrollWidth <= most, width);
        await eventually(fits, `${width} px hold the page`);
      }
      await close();
    });
  }
}

/** What a reader does with the keyboard and the colours; the same whatever the data. */
export async function readerChecks(checks, browser, base) {
  await checks.check('axe finds nothing with a step chosen and cells as a table, on a phone', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/job', width: 360, height: 780 });
    await page.locator('.step-list .step').first().click();
    await page.locator('.rows').waitFor();
    equal(await findings(page), [], 'findings on the job page');
    await page.goto(`${base}/#/live`);
    await settled(page);
    await page.locator('input[name=cells-view][value=table]').check({ force: true });
    equal(await findings(page), [], 'findings on the live page');
    await close();
  });

  await checks.check('the theme button changes the colours, and a reload keeps them', async () => {
    const { page, close } = await openPage(browser, base, { scheme: 'light' });
    await settled(page);
    const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await background();
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    ok((await background()) !== light, 'the background changed');
    await page.reload();
    await settled(page);
    ok((await background()) !== light, 'dark after a reload');
    await close();
  });

  await checks.check('everything works from the keyboard', async () => {
    const { page, close } = await openPage(browser, base, { hash: '#/live' });
    await settled(page);
    await page.keyboard.press('Tab');
    equal(await page.evaluate(() => document.activeElement.className), 'skip', 'the first stop');
    await page.keyboard.press('Enter');
    equal(await page.evaluate(() => document.activeElement.id), 'main', 'the skip link leads to the numbers');
    const reach = async (test, what) => {
      for (let i = 0; i < 60; i += 1) {
        if (await page.evaluate(test)) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`${what} is not reached by Tab`);
    };
    await reach(() => document.activeElement.name === 'city', 'the city filter');
    await reach(() => document.activeElement.name === 'range', 'the range filter');
    await page.keyboard.press('ArrowRight');
    await eventually(() => page.evaluate(() => location.hash.includes('range=1h')), 'arrow keys choose the range');
    await page.goto(`${base}/#/job`);
    await page.locator('svg.graph .node').first().waitFor();
    await reach(() => document.activeElement.classList.contains('node'), 'a step of the graph');
    await page.keyboard.press('Enter');
    await eventually(() => page.evaluate(() => location.hash.includes('step=')), 'Enter chooses the step');
    await close();
  });
}
