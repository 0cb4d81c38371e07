// A host for tests, run as a program: opens the local servers that its argument describes, calls each once, says so, and stays until it is killed.

import { silent } from '../../../src/base/log.ts';
import { openUpstreams } from '../../../src/upstreams/pool.ts';
import { entry, tool } from './open.ts';

const entries = (JSON.parse(process.argv[2]!) as Parameters<typeof entry>[0][]).map(entry);
const upstreams = openUpstreams({
  entries,
  log: silent,
  clientInfo: { name: 'gatehouse', version: '0' },
  events: { onStatus() {}, onResourceUpdated() {} },
});
for (const { id } of entries) await upstreams.get(id)!.call(tool('echo'));
process.send?.('ready');
process.on('message', (message) => {
  if (message === 'close') void upstreams.close().then(() => process.disconnect());
});
