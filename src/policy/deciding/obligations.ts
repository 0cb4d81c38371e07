export interface Obligations {
  redact: string[];
  limit?: { count: number; perMs: number };
  approval?: 'self' | 'second-person';
}

const units: Record<string, number> = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** What is wrong with an annotation, and what to write. */
export interface Mistake {
  annotation: string;
  message: string;
  fix: string;
}

/** Reads a permit's annotations. A mistake is never ignored: an obligation that is not understood must not go unmet. */
export function readObligations(annotations: Readonly<Record<string, string>>): { obligations: Obligations; mistakes: Mistake[] } {
  const obligations: Obligations = { redact: [] };
  const mistakes: Mistake[] = [];
  const { approval, redact, limit } = annotations;
  if (approval !== undefined) {
    if (approval === 'self' || approval === 'second-person') obligations.approval = approval;
    else
      mistakes.push({
        annotation: 'approval',
        message: `@approval("${approval}") is not known`,
        fix: 'write @approval("self") or @approval("second-person")',
      });
  }
  if (redact !== undefined) {
    const names = redact.split(',').map((name) => name.trim());
    if (names.every((name) => /^[a-z][a-z0-9._-]{0,63}$/.test(name))) obligations.redact = [...new Set(names)];
    else
      mistakes.push({
        annotation: 'redact',
        message: `@redact("${redact}") is not a list of names`,
        fix: 'write names with commas between them, such as @redact("pii,secrets")',
      });
  }
  if (limit !== undefined) {
    const [, count, unit] = /^([1-9]\d{0,5})\/(second|minute|hour|day)$/.exec(limit) ?? [];
    if (count !== undefined && unit !== undefined) obligations.limit = { count: Number(count), perMs: units[unit]! };
    else
      mistakes.push({
        annotation: 'limit',
        message: `@limit("${limit}") is not a rate`,
        fix: 'write a number, "/" and second, minute, hour or day, such as @limit("20/minute")',
      });
  }
  return { obligations, mistakes };
}

/**
 * The obligations of every permit that applies hold together: one that asks for nothing does not free from another's.
 * Cedar does not order permits, so taking any one of them would make the answer depend on chance. Of rates the lowest wins, of equal rates the smaller count.
 */
export function joinObligations(all: readonly Obligations[]): Obligations {
  const joined: Obligations = { redact: [...new Set(all.flatMap((obligations) => obligations.redact))].sort() };
  for (const { approval, limit } of all) {
    if (approval && joined.approval !== 'second-person') joined.approval = approval;
    if (limit && (!joined.limit || stricter(limit, joined.limit))) joined.limit = limit;
  }
  return joined;
}

function stricter(a: { count: number; perMs: number }, b: { count: number; perMs: number }): boolean {
  const [left, right] = [a.count * b.perMs, b.count * a.perMs];
  return left === right ? a.count < b.count : left < right;
}
