import { styleText } from 'node:util';
import { withoutSequences } from '../base/plain-text.ts';
import type { Io } from './verb.ts';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

export function paint(io: Pick<Io, 'colour'>, style: Style, text: string): string {
  return io.colour ? styleText(style, text, { validateStream: false }) : text;
}

/** Allowed, asked for, denied, in the colours that go with them. */
export function paintEffect(io: Pick<Io, 'colour'>, effect: 'allow' | 'ask' | 'deny'): string {
  return paint(io, effect === 'allow' ? 'green' : effect === 'ask' ? 'yellow' : 'red', effect);
}

/**
 * Text that came from elsewhere (upstreams, policies, agents) as one safe line: a control character in it could otherwise rewrite the terminal.
 */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return withoutSequences(text).replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ');
}

/** The same for text of several lines: line ends and tabs stay. */
export function block(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(plain).join('\t'))
    .join('\n');
}

/**
 * All output passes here last. JSON escapes control characters below U+0020, but not U+007F to U+009F, which can also begin a terminal sequence.
 * Written as `\u....` they mean the same to a JSON parser.
 */
export function inert(text: string): string {
  return text.replace(/[\u007f-\u009f]/g, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Aligned columns; the last is cut to the width of the terminal. */
export function table(io: Pick<Io, 'colour' | 'width'>, heads: string[], rows: string[][]): string {
  const width = (text: string) => withoutSequences(text).length;
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => width(row[column] ?? ''))));
  const line = (cells: string[]) => {
    const last = cells.length - 1;
    const before = cells.slice(0, last).map((cell, column) => cell + ' '.repeat(widths[column]! - width(cell)));
    const room = Math.max(20, io.width - before.reduce((sum, _cell, column) => sum + widths[column]! + 2, 0));
    const end = cells[last] ?? '';
    return [...before, width(end) > room ? `${withoutSequences(end).slice(0, room - 1)}…` : end].join('  ').trimEnd();
  };
  return [paint(io, 'dim', line(heads)), ...rows.map(line)].join('\n');
}

/** `Key   value` lines. */
export function pairs(io: Pick<Io, 'colour'>, list: [key: string, value: string | undefined][]): string {
  const shown = list.filter((pair): pair is [string, string] => pair[1] !== undefined);
  const widest = Math.max(...shown.map(([key]) => key.length));
  return shown.map(([key, value]) => `${paint(io, 'dim', key.padEnd(widest))}  ${value}`).join('\n');
}
