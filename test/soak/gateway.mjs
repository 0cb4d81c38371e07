// The gateway under soak, in a process of its own so that what it keeps can be measured: all real but for the company. Driven over IPC.
import { readdirSync, readFileSync } from 'node:fs';
import { entry, makeBundle, openTestGateway } from '../support/gateway.ts';

const servers = JSON.parse(process.argv[2]).map(entry);
const bundle = (version, without) =>
  makeBundle({ version, servers: servers.filter(({ id }) => id !== without), limits: { concurrentCalls: 1000 } });
const house = await openTestGateway(bundle(1));
const defects = [];
process.on('unhandledRejection', (error) => defects.push(String(error?.stack ?? error)));
process.on('uncaughtException', (error) => defects.push(String(error?.stack ?? error)));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Processes that we started and that still run; a zombie counts too. */
function children() {
  if (process.platform !== 'linux') return 0;
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1]) === process.pid;
    } catch {
      return false;
    }
  }).length;
}

const operations = {
  add: async (name) => (await house.agents.add(name)).token,
  revoke(name) {
    house.agents.revoke(name);
    house.gateway.dismiss(name);
  },
  apply: (version, without) => house.apply(bundle(version, without)),
  states: () =>
    Object.fromEntries(servers.flatMap(({ id }) => (house.upstreams.get(id) ? [[id, house.upstreams.get(id).status().state]] : []))),
  reset: (id) => house.upstreams.get(id)?.reset(),
  defects: () => defects.splice(0),
  async measure() {
    for (let round = 0; round < 3; round++) {
      globalThis.gc();
      await pause(200);
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    const handles = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : process.getActiveResourcesInfo().length;
    return { heap: heapUsed, external, rss, handles, processes: children() };
  },
  async ledger() {
    await house.ledger.flush();
    return { ...(await house.ledger.verify()), ...house.ledger.counts() };
  },
  async close() {
    await house.close();
    return children();
  },
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
