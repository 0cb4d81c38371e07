import type { ReadStream } from 'node:tty';
import { Failure } from '../base/errors.ts';

/** Bytes; no secret is so long. */
const most = 65_536;

/**
 * A secret for a verb: typed without being shown, or the whole of standard input less the end of its line. Never an argument: those stand in the list
 * of processes and in the shell's history.
 */
export async function readSecret(input: NodeJS.ReadStream, prompt: (text: string) => void): Promise<string> {
  const value = input.isTTY ? await typed(input as ReadStream, prompt) : await piped(input);
  if (value === '')
    throw new Failure('bad-input', 'No value was given.', 'Type it when asked, or pipe it in: it is read from standard input.');
  return value;
}

async function piped(input: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk as Buffer));
    size += (chunk as Buffer).length;
    if (size > most) throw new Failure('bad-input', 'That is too long for a secret.', 'Pipe in the value alone.');
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** Nothing that is typed is echoed. Enter ends it, Ctrl-C gives up. */
function typed(input: ReadStream, prompt: (text: string) => void): Promise<string> {
  prompt('Value (not shown while you type):');
  input.setRawMode(true);
  input.setEncoding('utf8').resume();
  return new Promise<string>((resolve, reject) => {
    let value = '';
    const take = (text: string) => {
      for (const letter of text) {
        if (letter === '\r' || letter === '\n' || letter === '\u0004') return resolve(value);
        if (letter === '\u0003') return reject(new Failure('bad-input', 'Nothing was changed.', 'Run it again when you have the value.'));
        if (letter === '\u007f' || letter === '\b') value = [...value].slice(0, -1).join('');
        else if (value.length < most) value += letter;
      }
    };
    input.on('data', take);
    input.on('end', () => resolve(value));
  }).finally(() => {
    input.setRawMode(false);
    input.removeAllListeners('data');
    input.pause();
  });
}
