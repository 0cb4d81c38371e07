// A gateway for tests, run as a program with --expose-gc, so that its memory can be looked at by itself. Its arguments: the upstream's address, and the limits.
import { entry, makeBundle, openTestGateway } from './gateway.ts';

const [url, limits] = process.argv.slice(2);
const tools = ['large', 'small', 'talk'].map((name) => ({ name, inputSchema: { type: 'object' } }));
const catalogue = { tools, resources: [{ uri: 'x://here' }], capabilities: { tools: {}, resources: { subscribe: true } } };
const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: url!, catalogue })] }), {
  ...(limits === undefined ? {} : { unread: JSON.parse(limits) }),
});
const tokens: Record<string, string> = {};
for (const name of ['A', 'B', 'C', 'D']) tokens[name] = (await house.agents.add(name)).token;

/** Bytes. What is kept for a moment only is let go first, by others' turns and by the collector. */
async function memory(): Promise<{ used: number; rss: number }> {
  for (let times = 0; times < 3; times++) {
    globalThis.gc!();
    await new Promise((done) => setImmediate(done));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, rss };
}

const answers = {
  memory,
  records: () => house.records(),
  /** What an upstream says on its own; not awaited by it, so nothing slows it down. */
  async update({ times, bytes }: { times: number; bytes: number }) {
    for (let nth = 0; nth < times; nth++) {
      house.gateway.resourceUpdated('one', { uri: 'x://here', nth, pad: 'x'.repeat(bytes) });
      await new Promise((done) => setImmediate(done));
    }
  },
  async close() {
    await house.close();
    setImmediate(() => process.disconnect());
  },
};
export type Question = keyof typeof answers;
export type AnswerTo<Q extends Question> = Awaited<ReturnType<(typeof answers)[Q]>>;

process.on('message', async ({ nth, question, input }: { nth: number; question: Question; input: never }) => {
  process.send!({ nth, value: await answers[question](input) });
});
process.send!({ url: house.url, tokens });
