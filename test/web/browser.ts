import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright';
import { serveWindow } from '../support/window.ts';
import { type SceneOptions, scene } from './scene.ts';

/** An installed Chromium; undefined where there is none, and the test then skips. */
export function chromiumPath(): string | undefined {
  const named = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].flatMap((name) =>
    (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, name)),
  );
  return [process.env['GATEHOUSE_CHROMIUM'], ...named, '/usr/bin/chromium'].find((path) => path && existsSync(path));
}

export const noChromium = chromiumPath() === undefined ? 'no Chromium here: set GATEHOUSE_CHROMIUM to one' : false;

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath()!,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
  });
}

export interface Watched {
  page: Page;
  /** Errors on the console, uncaught exceptions and violations of the content security policy. */
  faults: string[];
  close(): Promise<void>;
}

/** A page of its own (cookies too) that keeps all that goes wrong in it. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(`console: ${message.text()}`);
  });
  return { page, faults, close: () => context.close() };
}

/** What axe finds against WCAG 2.2 AA and its best practices, as lines to read. */
export async function axe(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} ${failureSummary?.split('\n')[1] ?? ''}`),
  );
}

/** How many pixels the page is wider than the window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate(
    'Math.max(document.documentElement.scrollWidth, ...[...document.querySelectorAll("[data-scroller], main")].map((one) => one.scrollWidth - one.clientWidth + innerWidth)) - innerWidth',
  ) as Promise<number>;

/** The built window at a place, showing a scene; closed with the test. */
export async function openScene(
  t: TestContext,
  browser: Browser,
  at: string,
  options: SceneOptions = {},
  size = { width: 1280, height: 800 },
) {
  const shown = scene(options);
  const served = await serveWindow(shown);
  t.after(() => served.close());
  const opened = await openPage(browser, { viewport: size });
  t.after(opened.close);
  await opened.page.goto(served.url);
  await opened.page.locator('main').waitFor();
  await opened.page.evaluate(`location.hash = ${JSON.stringify(at)}`);
  return { ...opened, served, shown };
}

export const pictures = process.env['GATEHOUSE_PICTURES'];

/** In both colour schemes and at two widths nothing overflows and axe has no complaint. Takes pictures under this name where they are asked for. */
export async function everyLook(page: Page, picture?: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 420]) {
      await page.setViewportSize({ width, height: 800 });
      await page.waitForTimeout(60);
      assert.equal(await overflow(page), 0, `${width} px`);
      assert.deepEqual(await axe(page), [], `${picture}, ${colorScheme}, ${width} px`);
      if (pictures && picture) await page.screenshot({ path: `${pictures}/${picture}-${colorScheme}-${width}.png` });
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}
