// Program of crash.test.ts: appends as fast as it can until it is killed, and says on its output what listeners were told is on the disk.
import { openLedger } from '../../src/ledger/ledger.ts';
import { entry, opening } from './entries.ts';

const ledger = await openLedger(await opening(process.argv[2]!));
ledger.onAppended((seq) => process.stdout.write(`${seq}\n`));
let next = ledger.counts().records + 1;
for (;;) {
  for (let index = 0; index < 25; index++) ledger.append(entry({ requestBytes: next++ }));
  await new Promise(setImmediate);
  while (!ledger.healthy()) await new Promise(setImmediate);
}
