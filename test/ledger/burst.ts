// Program of crash.test.ts: appends as fast as it can until it is killed, and says on its output what listeners were told is on the disk.
import { openLedger } from '../../src/ledger/ledger.ts';
import { silent } from '../../src/log.ts';
import { entry, key } from './entries.ts';

const ledger = await openLedger({ file: process.argv[2]!, log: silent, now: Date.now, key });
ledger.onAppended((seq) => process.stdout.write(`${seq}\n`));
let next = ledger.counts().records + 1;
for (;;) {
  for (let index = 0; index < 25; index++) ledger.append(entry({ requestBytes: next++ }));
  await new Promise(setImmediate);
  while (!ledger.healthy()) await new Promise(setImmediate);
}
