import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { codes, Failure } from '../base/errors.ts';
import type { Activity } from '../contract/activity.ts';
import type { Outputs } from '../contract/contract.ts';
import { ownRules } from '../contract/rule-ids.ts';
import { ask, watch } from '../shell/control-client.ts';
import { options, runningDataDir } from './options.ts';
import { inert, paint, paintEffect, plain } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const parsed = options(args, {
    verb: 'ledger',
    positionals: [1, 1],
    options: {
      follow: { type: 'boolean', short: 'f' },
      limit: { type: 'string' },
      format: { type: 'string' },
      out: { type: 'string' },
      yes: { type: 'boolean' },
    },
  });
  const { json, values } = parsed;
  const dataDir = runningDataDir(parsed.data);
  switch (parsed.positionals[0]) {
    case 'tail':
      return tail(dataDir, { json, follow: values.follow === true, limit: Number(values.limit ?? 20) }, io);
    case 'verify':
      return verify(dataDir, json, io);
    case 'accept-loss':
      return acceptLoss(dataDir, { json, yes: values.yes === true }, io);
    case 'export':
      return exportAll(dataDir, String(values.format ?? 'jsonl'), values.out as string | undefined, io);
    default:
      throw new Failure('bad-input', `"ledger ${parsed.positionals[0]}" is not understood.`, usageOf('ledger'));
  }
}

async function verify(dataDir: string, json: boolean, io: Io): Promise<number> {
  return report(await ask(dataDir, 'ledger-verify', {}), json, io);
}

/** Prints the result of the verification and returns the exit code. A ledger that could not be compared is not ok. */
export function report(result: Outputs['ledger-verify'], json: boolean, io: Io): number {
  const { ok, records, problem, loss } = result;
  const linked = `${records} records, each one linked to the one before.`;
  if (json) io.out(JSON.stringify(result));
  else {
    if (problem !== undefined) io.out(`${paint(io, 'red', 'The ledger was changed.')} At record ${problem.seq}: ${plain(problem.message)}`);
    else if (ok) io.out(`${paint(io, 'green', 'The ledger is whole.')} ${linked}`);
    else io.out(`${paint(io, 'yellow', 'Not comparable.')} ${linked} Nothing outside of its folder says whether that is all.`);
    if (loss !== undefined && loss.seq !== problem?.seq) io.out(`A loss that was accepted, at record ${loss.seq}: ${plain(loss.message)}`);
    for (const line of comparisons(result)) io.out(line);
  }
  if (problem !== undefined) return codes.integrity.exit;
  return ok ? 0 : codes.unavailable.exit;
}

function comparisons({ vault, central }: Outputs['ledger-verify']): string[] {
  const rows = [['the vault', vault] as const, ['the central API', central] as const];
  const compared = rows.flatMap(([who, comparison]) => ('upTo' in comparison ? [`${who} (up to record ${comparison.upTo})`] : []));
  const notCompared = rows.flatMap(([who, comparison]) => ('why' in comparison ? [`${who} (${plain(comparison.why)})`] : []));
  return [
    ...(compared.length === 0 ? [] : [`Compared with: ${compared.join(', ')}.`]),
    ...(notCompared.length === 0 ? [] : [`Not compared with: ${notCompared.join(', ')}.`]),
  ];
}

async function acceptLoss(dataDir: string, { json, yes }: { json: boolean; yes: boolean }, io: Io): Promise<number> {
  if (!yes)
    throw new Failure(
      'bad-input',
      'This records that the records which are missing before this ledger are lost for good. The company sees that it was done.',
      'If `gatehouse ledger verify` says that records are missing and nobody can put them back: gatehouse ledger accept-loss --yes',
    );
  const { seq } = await ask(dataDir, 'ledger-accept-loss', {});
  io.out(json ? JSON.stringify({ seq }) : `Recorded: the loss that record ${seq} tells of is accepted.`);
  return 0;
}

async function tail(dataDir: string, { json, follow, limit }: { json: boolean; follow: boolean; limit: number }, io: Io): Promise<number> {
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw new Failure('bad-input', '--limit needs a number from 1 to 500.');
  const print = (record: Activity) => io.out(json ? JSON.stringify(record) : line(io, record));
  const { items } = await ask(dataDir, 'activity-list', { limit });
  for (const record of items.toReversed()) print(record);
  if (!follow) return 0;
  let last = items[0]?.seq ?? 0;
  let turn: Promise<void> = Promise.resolve();
  const newer = async () => {
    // Newest first, in pages; printed oldest first.
    const fresh: Activity[] = [];
    for (let before: number | undefined; ; ) {
      const page = await ask(dataDir, 'activity-list', { after: last, limit: 500, ...(before === undefined ? {} : { before }) });
      fresh.push(...page.items);
      if (page.next === undefined || page.items.length === 0) break;
      before = page.next;
    }
    for (const record of fresh.toReversed()) print(record);
    last = fresh[0]?.seq ?? last;
  };
  let failed: unknown;
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  await watch(
    dataDir,
    (view) => {
      if (view.ledger.records !== last) {
        turn = turn.then(newer).catch((error: unknown) => {
          failed = error;
          stop.abort();
        });
      }
      return true;
    },
    stop.signal,
  );
  await turn;
  if (failed !== undefined) throw failed;
  if (!stop.signal.aborted) throw new Failure('not-running', 'Gatehouse has ended.', 'Start it again to go on.');
  return 0;
}

function line(io: Io, record: Activity): string {
  const end =
    record.rule === ownRules.ledgerNote
      ? plain(record.reason)
      : record.decision === 'deny'
        ? plain(`${record.rule}: ${record.reason}`)
        : record.outcome === 'error'
          ? paint(io, 'red', plain(record.error ?? 'failed'))
          : `${Math.round(record.totalMs)} ms`;
  return [
    paint(io, 'dim', `${record.seq}  ${record.at}`),
    plain(record.agent),
    paintEffect(io, record.decision),
    plain(`${record.server} ${record.method} ${record.target}`),
    end,
  ].join('  ');
}

async function exportAll(dataDir: string, format: string, file: string | undefined, io: Io): Promise<number> {
  if (format !== 'jsonl' && format !== 'csv')
    throw new Failure('bad-input', `There is no format "${format}".`, 'Choose --format jsonl or --format csv.');
  // The first page before the file: a host that is not running must not leave an empty export behind.
  let page = await ask(dataDir, 'ledger-export', { format, limit: 5000 });
  const header = format === 'csv' ? page.text.slice(0, page.text.indexOf('\n') + 1) : '';
  const to: Writable = file === undefined ? process.stdout : createWriteStream(file, { mode: 0o600 });
  const broken = file === undefined ? undefined : once(to, 'error').then(([error]) => Promise.reject(error as Error));
  broken?.catch(() => {});
  const write = async (text: string) => {
    const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    if (!to.write(file === undefined ? inert(ended) : ended))
      await Promise.race([once(to, 'drain'), ...(broken === undefined ? [] : [broken])]);
  };
  await write(page.text);
  while (page.next !== undefined) {
    page = await ask(dataDir, 'ledger-export', { format, limit: 5000, before: page.next });
    await write(header !== '' && page.text.startsWith(header) ? page.text.slice(header.length) : page.text);
  }
  if (file !== undefined) {
    to.end();
    await Promise.race([once(to, 'finish'), broken!]);
    io.err(`Written to ${file}.`);
  }
  return 0;
}
