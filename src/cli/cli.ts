#!/usr/bin/env node
import { codes, Failure, toErrorValue } from '../base/errors.ts';
import { block, inert } from './print.ts';
import { help, isVerb, verbHelp } from './usage.ts';
import type { Io } from './verb.ts';
import { load } from './verbs.ts';

const io: Io = {
  out: (text) => void process.stdout.write(`${inert(text)}\n`),
  err: (text) => void process.stderr.write(`${inert(text)}\n`),
  colour: process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
  width: process.stdout.columns ?? 120,
};

// `gatehouse ... | head` closes our standard output: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

async function main([name, ...args]: string[]): Promise<number> {
  const wantsHelp = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined).some((arg) => arg === '--help' || arg === '-h');
  const topic = name === 'help' ? args[0] : wantsHelp ? name : undefined;
  if (topic !== undefined && isVerb(topic)) {
    io.out(verbHelp(topic));
    return 0;
  }
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    io.out(help());
    return name === undefined ? codes['bad-input'].exit : 0;
  }
  if (name === 'version' || name === '--version' || name === '-v') {
    const { appVersion } = await import('../shell/install.ts');
    io.out(args.includes('--json') ? JSON.stringify({ version: appVersion() }) : appVersion());
    return 0;
  }
  if (!isVerb(name)) throw new Failure('bad-input', `There is no verb "${name}".`, 'gatehouse help lists them.');
  const { run } = await load[name]();
  return run(args, io);
}

/** Prints an error on standard error, with --json as one line of JSON. Standard output carries only the verb's result. */
function report(error: unknown, json: boolean): number {
  const value = toErrorValue(error);
  if (json) io.err(JSON.stringify({ error: value }));
  else {
    // The message may quote an upstream server.
    io.err(`gatehouse: ${block(value.message)}`);
    if (value.fix !== undefined && error instanceof Failure) io.err(`  ${block(value.fix)}`);
  }
  // A defect of ours: people get the stack for their report, programs only with GATEHOUSE_LOG=debug.
  if (!(error instanceof Failure) && (!json || process.env.GATEHOUSE_LOG === 'debug')) {
    io.err(error instanceof Error ? (error.stack ?? String(error)) : String(error));
  }
  return codes[value.code].exit;
}

const argv = process.argv.slice(2);
main(argv).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = report(error, argv.includes('--json'));
    // An open IPC channel to the parent would keep this process alive.
    process.channel?.unref();
  },
);
