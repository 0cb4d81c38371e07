import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { columns, openColumn } from '../support/matrix-column.ts';
import { rows } from '../support/matrix-rows.ts';

const file = new URL('../../MATRIX.md', import.meta.url);
const cells = new Map<string, string>();
const titleOf = ({ agent, upstream, wire }: (typeof columns)[number]) => `${agent} → ${upstream} ${wire}`;

for (const place of columns)
  describe(titleOf(place), () => {
    let column: Awaited<ReturnType<typeof openColumn>>;
    before(async () => {
      column = await openColumn(place);
    });
    after(() => column?.close());
    for (const row of rows) {
      const reason = row.not?.(place);
      test(row.feature, { skip: reason }, async () => {
        const agent = await column.connect();
        try {
          await row.run({ ...column, place, agent });
          cells.set(`${row.feature}\0${titleOf(place)}`, row.says?.(place) ?? 'yes');
        } finally {
          agent.close();
        }
      });
    }
  });

/** Written by `MATRIX=write node --test test/gateway/matrix.test.ts`; a table that is not what the run found is an error. */
test('MATRIX.md is what this run found', async () => {
  const notes: string[] = [];
  const lines = rows.map((row) => {
    const marks = columns.map((place) => {
      const reason = row.not?.(place);
      if (reason === undefined) return cells.get(`${row.feature}\0${titleOf(place)}`) ?? 'FAILS';
      if (!notes.includes(reason)) notes.push(reason);
      return `– (${notes.indexOf(reason) + 1})`;
    });
    return `| ${row.feature} | ${marks.join(' | ')} |`;
  });
  const text = [
    '# The matrix',
    '',
    'Agent era → upstream era and transport; every cell is one test of `test/gateway/matrix.test.ts`, through the whole gateway (guard, agents,',
    'policy, ledger, upstreams). Regenerate: `MATRIX=write node --test test/gateway/matrix.test.ts`.',
    '',
    `| | ${columns.map(titleOf).join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
    ...lines,
    '',
    'Cells that cannot be by specification, or that the gateway refuses on purpose:',
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
    '',
  ].join('\n');
  if (process.env['MATRIX'] === 'write') return await writeFile(file, text);
  assert.equal(await readFile(file, 'utf8'), text);
});
