/** Prints one JSON line: what it costs to read a result of 1 MB and to have its bytes for the agent, as they came and written anew (shape.ts). */
import { parseShort, writtenAs } from '../../src/upstreams/messages/parse-json.ts';

const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];

/** As a server answers with a file: one long text, of which each line has something to escape. */
const text = 'A line of a file, "quoted" and\tindented.\n'.repeat(24_000);
const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 7, result: { content: [{ type: 'text', text }] } }));

function asItCame() {
  const { message } = parseShort(bytes.toString('utf8'), bytes);
  const kept = writtenAs(message.result);
  if (!kept) throw new Error('the text of the result was not kept');
  return kept.length;
}

const anew = () => Buffer.from(JSON.stringify(JSON.parse(bytes.toString('utf8')).result)).length;

if (asItCame() !== anew()) throw new Error('the two ways differ');
const times = { asItCame: [], anew: [] };
for (let round = 0; round < 60; round++)
  for (const [name, way] of Object.entries({ asItCame, anew })) {
    const start = performance.now();
    way();
    times[name].push(performance.now() - start);
  }
const round = (value) => Math.round(value * 100) / 100;
console.log(
  JSON.stringify({ bench: 'results', bytes: bytes.length, asItCame: round(median(times.asItCame)), anew: round(median(times.anew)) }),
);
