/** A `{name}` in a text. */
export const variable = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Replaces `{name}`; calls `missing` for each that has no value, and leaves it as it stands. Values are never expanded again. */
export function resolveText(text: string, variables: Readonly<Record<string, string>>, missing: (name: string) => void): string {
  return text.replace(variable, (match, name: string) => {
    if (Object.hasOwn(variables, name)) return variables[name]!;
    missing(name);
    return match;
  });
}
