import type { Policy } from '../../policy/policy.ts';
import type { Directory } from './directory.ts';

/** Characters of the servers' own instructions: agents put all of them into each conversation, and some cut off what is long. */
const most = { each: 2048, all: 16_384 };

/** At the merged address: which servers there are, and what each that this agent may know of says of its use. */
export function mergedInstructions(directory: Directory, policy: Policy | undefined, agent: string): string {
  const servers = policy ? directory.servers.filter((entry) => policy.canDiscover(entry.id, agent).effect !== 'deny') : [];
  if (servers.length === 0) return 'Gatehouse: no server may be used here at present. The person can see why in the Gatehouse window.';
  const lines = servers.map((entry) => `- ${entry.id}: ${entry.title}. ${entry.description}`);
  const names = `Tools of several company servers, each named SERVER__TOOL. What policy does not allow is not listed.\n${lines.join('\n')}`;
  const own = servers.flatMap(({ id, catalogue }) => {
    const text = catalogue.instructions?.trim() ?? '';
    return text === '' ? [] : [{ id, text }];
  });
  if (own.length === 0) return names;
  const share = shareOf(own.map(({ text }) => text.length));
  const parts = own.map(({ id, text }) => `## ${id}\n${quoted(cut(text, share, id))}`);
  return `${names}\n\nWhat these servers say of their use follows, each under its name and without the prefix of its tools.\n\n${parts.join('\n\n')}`;
}

/** What short texts leave of the whole is for the long ones. */
function shareOf(lengths: number[]): number {
  let left = most.all;
  const sorted = lengths.map((length) => Math.min(length, most.each)).sort((a, b) => a - b);
  for (const [at, length] of sorted.entries()) {
    const share = Math.floor(left / (sorted.length - at));
    if (length > share) return share;
    left -= length;
  }
  return most.each;
}

const cut = (text: string, share: number, id: string): string =>
  text.length <= share ? text : `${text.slice(0, share).replace(/[\ud800-\udbff]$/, '')} [cut here; all of it is at /mcp/s/${id}]`;

/** Quoted, so that no line of one server's text passes for the heading of another's. */
const quoted = (text: string): string =>
  text
    .split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/)
    .map((line) => `> ${line}`)
    .join('\n');
