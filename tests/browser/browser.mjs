// One Chromium for a run, with the flags it needs as root and on a closed network, and pages that remember what
// went wrong on them.
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';
import { PATIENCE_MS } from './checks.mjs';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

function chromiumPath() {
  const name = process.env.CHROMIUM ?? 'chromium';
  return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
}

export async function launch() {
  return chromium.launch({ executablePath: chromiumPath(), args: FLAGS });
}

/** A request that a test still answers must not fail it when its page is gone. */
export async function closeContext(context) {
  await Promise.all(context.pages().map((page) => page.unrouteAll({ behavior: 'ignoreErrors' })));
  await context.close();
}

/** A page with its own storage. `trouble` lists console errors, exceptions and requests to other hosts. */
export async function openPage(browser, base, { hash = '#/live', width = 1440, height = 900, scheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, timezoneId: 'UTC' });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const trouble = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') trouble.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => trouble.push(`exception: ${error}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== base && url.protocol !== 'data:') trouble.push(`external request: ${request.url()}`);
  });
  await page.goto(`${base}/${hash}`);
  return { page, trouble, close: () => closeContext(context) };
}
