import { Underivable } from './readings.ts';

const maxPieces = 64;
/** What is a path by itself, wherever it stands. */
const begins = String.raw`(?=[\\/~]|\.\.?[\\/]|[a-z]:[\\/]|file:)`;
const inside = new RegExp(String.raw`[\s"'\x60,;|<>(=]${begins}`, 'gi');
const insideUrl = new RegExp(String.raw`[\s,;|]${begins}`, 'gi');
const afterColon = /:(?=[\\/](?![\\/])|~|\.\.?[\\/]|[a-z]:[\\/])/gi;
const afterBlank = new RegExp(String.raw`\s${begins}`, 'i');

/**
 * What a server finds in a text that is more than one path: lists (`a,/etc/passwd`), options (`--output=/etc/passwd`, `-o/etc/passwd`), what curl
 * takes for the name of a file (`@/etc/passwd`), texts of JSON. The caller takes each piece apart again.
 */
export function piecesOf(text: string, url: boolean): string[] {
  const parts: string[] = [];
  const add = (piece: string): void => {
    if (piece !== '' && piece !== text) parts.push(piece);
    if (parts.length > maxPieces) throw new Underivable('is a list of too many');
  };
  for (const pattern of url ? [insideUrl] : [inside, afterColon])
    for (const { index } of text.matchAll(pattern)) add(text.slice(index + 1));
  if (url) return parts;
  const pieces = listed(text);
  if (pieces.length > 1) for (const piece of pieces) add(piece.trim());
  const option = /^[-\w.]+=(.*)$/s.exec(text) ?? /^-[a-z]([^-].*)$/is.exec(text);
  if (option) add(option[1]!);
  const marked = /^[@<>+!&|^#]+\s*(.*)$/s.exec(text);
  if (marked) add(marked[1]!);
  // Many names contain blanks. A blank separates a list only where another path begins behind it.
  if (/^-|^\s/.test(text) || afterBlank.test(text)) for (const token of text.split(/\s+/, maxPieces + 2)) add(token);
  if (text.startsWith('"')) add(fromJson(text));
  return parts;
}

/** At commas, semicolons, bars and line ends; those in brackets belong to a pattern. */
function listed(text: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let from = 0;
  for (const { 0: sign, index } of text.matchAll(/[,;|\t\r\n{}()[\]]/g)) {
    if ('{(['.includes(sign)) depth++;
    else if ('})]'.includes(sign)) depth = Math.max(0, depth - 1);
    else if (depth === 0) {
      pieces.push(text.slice(from, index));
      from = index + 1;
      if (pieces.length > maxPieces) throw new Underivable('is a list of too many');
    }
  }
  pieces.push(text.slice(from));
  return depth === 0 ? pieces : [...pieces, ...text.slice(from).split(/[,;|\t\r\n]/, maxPieces)];
}

function fromJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : '';
  } catch {
    return '';
  }
}
