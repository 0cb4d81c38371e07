// The gateway under soak, in a process of its own so that what it keeps can be measured: all real but for the company. Driven over IPC.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { entry, makeBundle, openTestGateway } from '../support/gateway.ts';

const [serversJson, dataDir] = process.argv.slice(2);
const servers = JSON.parse(serversJson).map(entry);
const bundle = (version, without) =>
  makeBundle({ version, servers: servers.filter(({ id }) => id !== without), limits: { concurrentCalls: 1000 } });
let house = await openTestGateway(bundle(1), { dataDir });
const defects = [];
process.on('unhandledRejection', (error) => defects.push(String(error?.stack ?? error)));
process.on('uncaughtException', (error) => defects.push(String(error?.stack ?? error)));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const operations = {
  add: async (name) => (await house.agents.add(name)).token,
  revoke(name) {
    house.agents.revoke(name);
    house.gateway.dismiss(name);
  },
  apply: (version, without) => house.apply(bundle(version, without)),
  status: (id) => house.upstreams.get(id).status(),
  reset: (id) => house.upstreams.get(id).reset(),
  defects: () => defects.splice(0),
  /** As a new process would: what outlives it is in the data folder. */
  async restart(version) {
    const { port } = house.gateway;
    const { token } = house;
    await house.close();
    house = await openTestGateway(bundle(version), { dataDir, port, token });
  },
  async measure() {
    for (let round = 0; round < 3; round++) {
      globalThis.gc();
      await pause(200);
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    const handles = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : process.getActiveResourcesInfo().length;
    return { heap: heapUsed, external, rss, handles };
  },
  async ledger() {
    await house.ledger.flush();
    const database = new DatabaseSync(join(dataDir, 'ledger.sqlite'), { readOnly: true });
    const columns = 'agent, method, server, target, outcome, error';
    const rows = database.prepare(`SELECT ${columns}, count(*) AS count FROM records GROUP BY ${columns}`).all();
    database.close();
    return { ...(await house.ledger.verify()), ...house.ledger.counts(), rows };
  },
  close: () => house.close(),
};

process.on('message', async ({ id, operation, args }) => {
  try {
    process.send({ id, value: await operations[operation](...args) });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: house.url });
