// node main.mjs BUILD_DIR [--real | --mock] [--picture]; see ./run.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { accessChecks } from './access_checks.mjs';
import { launch, openPage } from './browser.mjs';
import { Checks, eventually } from './checks.mjs';
import { jobChecks } from './job_checks.mjs';
import { liveChecks, stateChecks } from './live_checks.mjs';
import { startMock, startReal } from './servers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [build, ...options] = process.argv.slice(2);
const wants = (name) => options.includes(name);

async function picture(browser, base) {
  const { page, close } = await openPage(browser, base, { hash: '#/live?range=5m', width: 1440, height: 1080 });
  await eventually(async () => (await page.locator('[aria-busy="true"]').count()) === 0, 'all panels have answers');
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(root, 'docs/dashboard.png') });
  await close();
}

async function suite(checks, server, { patience, withPicture }) {
  let browser = null;
  await checks.check('Chromium starts', async () => {
    browser = await launch();
    checks.browser = browser;
  });
  if (browser === null) return;
  await liveChecks(checks, browser, server.base, { patience });
  await stateChecks(checks, browser, server.base);
  await jobChecks(checks, browser, server.base).catch((error) =>
    checks.check('the job document is there', () => Promise.reject(error)),
  );
  await accessChecks(checks, browser, server.base);
  if (withPicture) await checks.check('picture for the README', () => picture(browser, server.base));
  await browser.close();
}

async function started(checks, start) {
  let server = null;
  await checks.check('starts', async () => {
    server = await start();
  });
  return server;
}

const suites = [new Checks('mock'), new Checks('rideflow')];
const [mockChecks, realChecks] = suites;
// The real process starts first: while the mock is looked at, its first minutes come together.
const real = wants('--mock') ? null : await started(realChecks, () => startReal(root, build));
if (!wants('--real')) {
  const mock = await started(mockChecks, () => startMock(root));
  if (mock) await suite(mockChecks, mock, { patience: 5000, withPicture: false });
  await mock?.stop();
}
if (real) await suite(realChecks, real, { patience: 300_000, withPicture: wants('--picture') });
await real?.stop();

const total = (key) => suites.reduce((sum, checks) => sum + checks[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed, 0 skipped`);
process.exitCode = total('failed') > 0 ? 1 : 0;
