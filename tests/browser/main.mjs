// node main.mjs BUILD_DIR [--real | --mock] [--picture]; see ./run.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { accessChecks } from './access_checks.mjs';
import { launch, openPage } from './browser.mjs';
import { Checks, eventually } from './checks.mjs';
import { jobChecks } from './job_checks.mjs';
import { liveChecks, stateChecks } from './live_checks.mjs';
import { realBinary, startMock, startReal } from './servers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [build, ...options] = process.argv.slice(2);
const wants = (name) => options.includes(name);

async function picture(browser, base) {
  const { page, close } = await openPage(browser, base, { hash: '#/live', width: 1440, height: 1080 });
  await eventually(async () => (await page.locator('[aria-busy="true"]').count()) === 0, 'all panels have answers');
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(root, 'docs/dashboard.png') });
  await close();
}

async function suite(place, start, { patience, withPicture }) {
  const checks = new Checks(place);
  let server = null;
  let browser = null;
  await checks.check('starts', async () => {
    server = await start();
    browser = await launch();
  });
  if (server && browser) {
    await liveChecks(checks, browser, server.base, { patience });
    await stateChecks(checks, browser, server.base);
    await jobChecks(checks, browser, server.base).catch((error) =>
      checks.check('the job document is there', () => Promise.reject(error)),
    );
    await accessChecks(checks, browser, server.base);
    if (withPicture) await checks.check('picture for the README', () => picture(browser, server.base));
  }
  await browser?.close();
  await server?.stop();
  return checks;
}

const suites = [];
if (!wants('--real')) suites.push(await suite('mock', () => startMock(root), { patience: 5000, withPicture: false }));
if (!wants('--mock')) {
  const binary = process.env.RIDEFLOW_URL ? null : await realBinary(build);
  if (process.env.RIDEFLOW_URL || binary) {
    const start = () => startReal(root, binary);
    suites.push(await suite('rideflow', start, { patience: 180_000, withPicture: wants('--picture') }));
  } else {
    const checks = new Checks('rideflow');
    checks.skip('the console of the real process', 'no rideflow with dev in the build directory');
    suites.push(checks);
  }
}

const total = (key) => suites.reduce((sum, checks) => sum + checks[key], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exitCode = total('failed') > 0 ? 1 : 0;
