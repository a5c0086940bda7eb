// node main.mjs BUILD_DIR [--real | --mock] [--picture] [--only TEXT]; see ./run.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { accessChecks, readerChecks } from './access_checks.mjs';
import { closeContext, launch, openPage } from './browser.mjs';
import { answers, Checks, isQuery, settled } from './checks.mjs';
import { jobChecks, jobStateChecks } from './job_checks.mjs';
import { liveChecks, stateChecks } from './live_checks.mjs';
import { otherJobChecks, rollupChecks } from './rollup_checks.mjs';
import { startMock, startReal } from './servers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [build, ...options] = process.argv.slice(2);
const wants = (name) => options.includes(name);

async function picture(browser, base) {
  const { page, close } = await openPage(browser, base, { hash: '#/live?range=5m', width: 1440, height: 1080 });
  await settled(page);
  await page.evaluate(() => document.fonts.ready);
  await answers(page, isQuery, 12);
  await page.screenshot({ path: join(root, 'docs/dashboard.png') });
  await close();
}

/** What shows whether pages and API fit together, and whether the pages say what they are given. */
async function dataChecks(checks, browser, base, patience) {
  await liveChecks(checks, browser, base, { patience });
  await rollupChecks(checks, browser, base);
  await jobChecks(checks, browser, base).catch((error) =>
    checks.check('the job document is there', () => Promise.reject(error)),
  );
}

/** Against made-up data also all that does not depend on the data: states of the network, colours, widths, keys. */
async function mockSuite(checks, browser, base) {
  await dataChecks(checks, browser, base, 5000);
  await stateChecks(checks, browser, base);
  await otherJobChecks(checks, browser, base);
  await jobStateChecks(checks, browser, base);
  await accessChecks(checks, browser, base, { schemes: ['light', 'dark'], widths: [360, 768, 1920] });
  await readerChecks(checks, browser, base);
}

async function realSuite(checks, browser, base) {
  await dataChecks(checks, browser, base, 300_000);
  await accessChecks(checks, browser, base, { schemes: ['light'], widths: [] });
  if (wants('--picture')) await checks.check('picture for the README', () => picture(browser, base));
}

async function started(checks, start) {
  let server = null;
  await checks.check('starts', async () => {
    server = await start();
  });
  return server;
}

const only = wants('--only') ? options[options.indexOf('--only') + 1] : null;
const suites = [new Checks('mock', only), new Checks('rideflow', only)];
const [mockChecks, realChecks] = suites;
let browser = null;
await mockChecks.check('Chromium starts', async () => {
  browser = await launch();
});
if (browser !== null) {
  for (const checks of suites) Object.assign(checks, { browser, close: closeContext });
  // The real process starts first: while the mock is looked at, its first minutes come together.
  const real = wants('--mock') ? null : await started(realChecks, () => startReal(root, build));
  const mock = wants('--real') ? null : await started(mockChecks, () => startMock(root));
  if (mock) await mockSuite(mockChecks, browser, mock.base);
  await mock?.stop();
  if (real) await realSuite(realChecks, browser, real.base);
  await real?.stop();
  await browser.close();
}

const total = (key) => suites.reduce((sum, checks) => sum + checks[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed, 0 skipped`);
process.exitCode = total('failed') > 0 ? 1 : 0;
