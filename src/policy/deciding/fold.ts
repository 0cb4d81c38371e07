import type { Path } from './paths.ts';

/**
 * Folds a name to one spelling for all names that some file system takes for the same: APFS, NTFS and ext4 with `casefold` compare without case,
 * in a Unicode form of their own, and ignore invisible characters. It folds more than any one of them does, so it is only for what is forbidden.
 */
export function foldName(name: string): string {
  if (/^[ -~]*$/.test(name)) return name.toLowerCase();
  let folded = name;
  // Some letters change again in a second round; what is folded must fold to itself.
  for (let round = 0; round < maxRounds; round++) {
    const before = folded;
    folded = folded
      .normalize('NFKC')
      .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
      .toUpperCase()
      .toLowerCase()
      .replaceAll('ς', 'σ')
      .replaceAll('ı', 'i')
      .replace(/i\u0307+/g, 'i')
      .normalize('NFKC');
    if (folded === before) break;
  }
  return folded;
}
const maxRounds = 5;

export const foldPath = ({ root, names }: Path): Path => ({
  root: foldName(root),
  names: names.map(foldName).filter((name) => name !== ''),
});
