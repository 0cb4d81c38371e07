// The gateway in a process of its own, as an agent has it: whatever holds up its one thread holds up everybody. Told what to do over the channel to its
// parent, and answers with what came of it.
import { entry, makeBundle, openTestGateway } from '../gateway.ts';

type Given = Parameters<typeof entry>[0];
export interface Order {
  do: 'open' | 'prepare' | 'apply' | 'output' | 'reset' | 'stretch' | 'close';
  /** For `open` and `prepare`: the servers of the bundle and its rules. */
  servers?: Given[];
  policies?: string;
}

let house: Awaited<ReturnType<typeof openTestGateway>> | undefined;
let prepared: ReturnType<typeof makeBundle> | undefined;
let version = 0;
/** The longest stretch, in milliseconds of its own work, between two turns of this process: what the machine gave to others meanwhile is not in it. */
let stretch = 0;
let worked = process.threadCpuUsage();
setInterval(() => {
  const { user, system } = process.threadCpuUsage(worked);
  worked = process.threadCpuUsage();
  stretch = Math.max(stretch, (user + system) / 1000);
}, 1);
const bundle = ({ servers = [], policies }: Order) =>
  makeBundle({ version: ++version, servers: servers.map(entry), ...(policies === undefined ? {} : { policies }) });

async function carryOut(order: Order): Promise<unknown> {
  if (order.do === 'open') {
    prepared = bundle(order);
    house = await openTestGateway(prepared);
    return { url: house.url, hostile: house.token, pinging: (await house.agents.add('Pinger')).token };
  }
  if (order.do === 'prepare') return void (prepared = bundle(order));
  if (order.do === 'apply') return await house!.apply(prepared);
  if (order.do === 'output') return house!.upstreams.get('pipe-legacy')!.output().length;
  if (order.do === 'reset') {
    for (const { id } of prepared!.servers) house!.upstreams.get(id)?.reset();
    return undefined;
  }
  if (order.do === 'stretch') {
    const longest = stretch;
    stretch = 0;
    return longest;
  }
  return await house?.close();
}

process.on('message', (order: Order) => {
  carryOut(order).then(
    (answer) => process.send!({ answer }),
    (error: Error) => process.send!({ error: error.stack }),
  );
});
process.on('disconnect', () => process.exit());
process.send!('ready');
