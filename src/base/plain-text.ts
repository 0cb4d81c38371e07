/** Escape sequences of terminals (ECMA-48): the strings of OSC, DCS, SOS, PM and APC end at BEL or ST, a control sequence at a byte from `@` to `~`. */
const [bel, esc, csi] = [0x07, 0x1b, 0x9b];
const strings = new Set([0x5d, 0x50, 0x58, 0x5e, 0x5f]);
const eightBitStrings = new Set([0x9d, 0x90, 0x98, 0x9e, 0x9f]);

/**
 * Text without terminal sequences, in one pass: Node's `stripVTControlCharacters` looks from each `ESC ]` to the end of the text, which takes
 * seconds on 128 KiB of them. A string without an end counts up to the end of its line.
 */
export function withoutSequences(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!/[\u001b\u0090-\u009f]/.test(text)) return text;
  const kept: string[] = [];
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code !== esc && (code < 0x90 || code > 0x9f)) {
      at++;
      continue;
    }
    kept.push(text.slice(from, at));
    const next = code === esc ? text.charCodeAt(at + 1) : Number.NaN;
    if (code === csi || next === 0x5b) at = afterSequence(text, at + (code === csi ? 1 : 2));
    else if (eightBitStrings.has(code) || strings.has(next)) at = afterString(text, at + (code === esc ? 2 : 1));
    else if (code === esc) at = afterEscape(text, at + 1);
    else at++;
    from = at;
  }
  kept.push(text.slice(from));
  return kept.join('');
}

function afterSequence(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) >= 0x20 && text.charCodeAt(at) <= 0x3f) at++;
  const last = text.charCodeAt(at);
  return last >= 0x40 && last <= 0x7e ? at + 1 : at;
}

/** What was skipped is never looked at again, so many unended strings cost no more than one. */
function afterString(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === bel || code === 0x9c) return at + 1;
    if (code === esc && text.charCodeAt(at + 1) === 0x5c) return at + 2;
    if (code === 0x0a || code === 0x0d) return at;
  }
  return text.length;
}

/** Two characters, or more where intermediate ones come between (`ESC ( B`). */
function afterEscape(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) >= 0x20 && text.charCodeAt(at) <= 0x2f) at++;
  const last = text.charCodeAt(at);
  return last >= 0x30 && last <= 0x7e ? at + 1 : at;
}
