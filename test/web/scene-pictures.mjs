import { join } from 'node:path';
import { serveWindow } from '../support/window.ts';
import { ports, scene } from './scene.ts';

const narrow = { width: 420, height: 860 };
const looks = {
  '': {},
  dark: { colorScheme: 'dark' },
  narrow: { viewport: narrow },
  'narrow-dark': { viewport: narrow, colorScheme: 'dark' },
};

/** States that the real demo is not in for long: another program on the gateway's port, at this moment or until a while ago. */
export async function pictureScenes(browser, folder) {
  for (const [name, gateway] of Object.entries(ports)) {
    const served = await serveWindow(scene({ view: { gateway: gateway() } }));
    for (const [look, options] of Object.entries(looks)) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
      const page = await context.newPage();
      await page.goto(served.url);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      for (const [place, hash] of [
        ['overview', '#/'],
        ['agents', '#/agents'],
      ]) {
        await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
        await page.waitForTimeout(500);
        await page.screenshot({ path: join(folder, `${[look, place, 'port', name].filter(Boolean).join('-')}.png`) });
      }
      await context.close();
    }
    await served.close();
  }
}
