// What the agents called and what came of it, by their own count, to be held against the ledger's.
import { recorded } from './trouble.mjs';

/** `agent tool` -> outcome -> how often. */
function openCounts() {
  const counts = new Map();
  return {
    counts,
    of: (key) => counts.get(key) ?? new Map(),
    add(key, outcome, count = 1) {
      const ofKey = counts.get(key) ?? counts.set(key, new Map()).get(key);
      ofKey.set(outcome, (ofKey.get(outcome) ?? 0) + count);
    },
    sum(fits) {
      let total = 0;
      for (const ofKey of counts.values()) for (const [outcome, count] of ofKey) if (fits(outcome)) total += count;
      return total;
    },
  };
}

export function openTally() {
  const mine = openCounts();
  return {
    errors: [],
    heard: { lists: 0, updates: 0, questions: 0, resumed: 0, kept: 0 },
    add: (agent, name, outcome) => mine.add(`${agent} ${name}`, outcome),
    calls: () => mine.sum(() => true),
    count: (...outcomes) => mine.sum((outcome) => outcomes.includes(outcome)),
    /** How the ledger's rows differ. Of a call that its agent left, only the ledger knows how it ended: well, or cancelled. */
    compare(rows) {
      const problems = [];
      const ledger = openCounts();
      for (const { agent, method, server, target, outcome, error, count } of rows) {
        if (method !== 'tools/call') problems.push(`the ledger has ${count} records of ${method}`);
        ledger.add(`${agent} ${server === '' ? target : `${server}__${target}`}`, recorded(outcome, error), count);
      }
      for (const key of new Set([...mine.counts.keys(), ...ledger.counts.keys()])) {
        const [own, theirs] = [mine.of(key), ledger.of(key)];
        let left = own.get('left') ?? 0;
        for (const outcome of new Set([...own.keys(), ...theirs.keys()])) {
          if (outcome === 'left') continue;
          const [called, kept] = [own.get(outcome) ?? 0, theirs.get(outcome) ?? 0];
          const more = kept - called;
          if (more > 0 && more <= left && (outcome === 'ok' || outcome === 'cancelled')) left -= more;
          else if (more !== 0) problems.push(`the ledger has ${kept} of ${called} calls by ${key} that ended so: ${outcome}`);
        }
        if (left > 0) problems.push(`the ledger lacks ${left} calls by ${key} that their agent left`);
      }
      return problems;
    },
  };
}
