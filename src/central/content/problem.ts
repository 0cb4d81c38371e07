/** What is wrong with a company's folder, where, and what to do. A `warning` is published all the same; an `error` never is. */
export interface Problem {
  severity: 'error' | 'warning';
  /** Relative to the company's folder, with `/`. */
  file: string;
  /** From 1. */
  line: number;
  message: string;
  fix: string;
}

/** One file of the folder as text, named relative to it. */
export interface SourceFile {
  file: string;
  text: string;
}

/** `servers/crm.json:12: error: ...`: the form that editors and CI systems make links of. */
export function describeProblem(problem: Problem): string {
  return `${problem.file}:${problem.line}: ${problem.severity}: ${problem.message} Fix: ${problem.fix}`;
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}

/** How an entry's problems are reported, and its texts resolved. Paths begin at the file's root. */
export interface Telling {
  problem(path: readonly PropertyKey[], message: string, fix: string, severity?: 'error' | 'warning'): void;
  resolve(path: readonly PropertyKey[], text: string, scope: Readonly<Record<string, string>>): string;
}
