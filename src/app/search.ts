import type { SearchOptions } from 'minisearch';
import type { Catalogue, ServerEntry } from '../bundle/schema.ts';

type Tool = Catalogue['tools'][number];

/** Best match first: the results of `see` for the first `limit` tools. A tool for which `see` returns undefined is left out. */
export type FindTools = <T>(text: string, limit: number, see: (entry: ServerEntry, tool: Tool) => T | undefined) => T[];

/** Each takes a few KB of memory. Tools beyond this number are not found. */
const mostTools = 10_000;
/** Characters of a description: its first sentences say what a tool is for. */
const mostText = 500;
const longestWord = 40;
/** Words of a query: each costs a walk over all indexed words that begin with it. */
const mostWords = 8;

const asTyped: SearchOptions = {
  combineWith: 'AND',
  boost: { name: 4, title: 3, server: 2 },
  // One letter begins half of all words: it counts as a beginning only where it is all that was typed.
  prefix: (word, _at, all) => word.length > 1 || all.length === 1,
};
/** Two letters that changed places are two edits. */
const forgiving: SearchOptions = { ...asTyped, fuzzy: (word) => (word.length > 3 ? 0.34 : false), maxFuzzy: 2 };
/** First all words as they were typed, then with typing errors, then tools that have any of the words. */
const attempts: SearchOptions[] = [asTyped, forgiving, { ...forgiving, combineWith: 'OR' }];

/** Builds nothing before the first search. The index is freed together with the function that is returned. */
export function openToolSearch(servers: readonly ServerEntry[]): () => Promise<FindTools> {
  let opening: Promise<FindTools> | undefined;
  return () => {
    opening ??= build(servers).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
}

async function build(servers: readonly ServerEntry[]): Promise<FindTools> {
  const { default: MiniSearch } = await import('minisearch');
  const tools = servers.flatMap((entry) => entry.catalogue.tools.map((tool) => ({ entry, tool }))).slice(0, mostTools);
  const index = new MiniSearch({ fields: ['name', 'title', 'server', 'description'], tokenize: wordsOf, processTerm: (word) => word });
  // In chunks, so that the gateway's calls go on in between.
  await index.addAllAsync(
    tools.map(({ entry, tool }, id) => document(id, entry, tool)),
    { chunkSize: 50 },
  );
  return (text, limit, see) => {
    const typed = wordsOf(text).slice(0, mostWords).join(' ');
    for (const attempt of typed === '' ? [] : attempts) {
      const hits = [];
      // Only here do the company's rules decide: a hidden tool is skipped as if it were not in the index.
      for (const { id } of index.search(typed, attempt)) {
        const { entry, tool } = tools[id as number]!;
        const seen = see(entry, tool);
        if (seen !== undefined && hits.push(seen) === limit) break;
      }
      if (hits.length > 0) return hits;
    }
    return [];
  };
}

function document(id: number, entry: ServerEntry, tool: Tool) {
  return {
    id,
    // The name once more as one word, for people who type it without separators.
    name: `${tool.name} ${wordsOf(tool.name).join('')}`,
    title: titleOf(tool) ?? '',
    server: `${entry.id} ${entry.title}`,
    description: (textOf(tool['description']) ?? '').slice(0, mostText),
  };
}

const boundaries = /(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=[\p{Ll}\p{N}])(?=\p{Lu})|[^\p{L}\p{N}]+/u;

/** `getHTTPStatus`, `get_http_status` and `get-http-status` are the same three words; accents need not be typed. */
function wordsOf(text: string): string[] {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .split(boundaries)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase().slice(0, longestWord));
}

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** A tool's own title, else the one among its annotations, where it stood before 2025-06-18. */
export function titleOf(tool: Tool): string | undefined {
  const annotations = (tool['annotations'] ?? {}) as { title?: unknown };
  return textOf(tool['title']) ?? textOf(annotations.title);
}
