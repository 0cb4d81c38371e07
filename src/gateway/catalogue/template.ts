/** RFC 6570: how the values of an expression are put together, by its operator. */
const forms = new Map([
  ['', { first: '', between: ',', named: false }],
  ['+', { first: '', between: ',', named: false }],
  ['#', { first: '#', between: ',', named: false }],
  ['.', { first: '.', between: '.', named: false }],
  ['/', { first: '/', between: '/', named: false }],
  [';', { first: ';', between: ';', named: true }],
  ['?', { first: '?', between: '&', named: true }],
  ['&', { first: '&', between: '&', named: true }],
]);

/** It has no brace inside: looking from each unclosed brace to the end of a text would take quadratic time. */
const expression = /\{([+#./;?&]?)([^{}]*)\}/g;

function* namesIn(list: string): Generator<{ name: string; most: number }> {
  for (const varspec of list.split(',')) {
    const [, name = varspec, most] = /^([^:*]*)(?::(\d{1,4})|\*)?$/.exec(varspec) ?? [];
    yield { name, most: most === undefined ? Number.POSITIVE_INFINITY : Number(most) };
  }
}

export function variablesOf(template: string): Set<string> {
  const names = new Set<string>();
  for (const [, , list = ''] of template.matchAll(expression)) for (const { name } of namesIn(list)) names.add(name);
  return names;
}

/**
 * What a template becomes. Values go in as they are, unencoded: rules must see `secret/` as the server that gets the value does. What has no value
 * yet leaves nothing, as in RFC 6570.
 */
export function expand(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(expression, (_whole, operator: string, list: string) => {
    const { first, between, named } = forms.get(operator)!;
    const parts: string[] = [];
    for (const { name, most } of namesIn(list)) {
      if (!Object.hasOwn(values, name)) continue;
      const value = values[name]!.slice(0, most);
      parts.push(named ? `${name}=${value}` : value);
    }
    return parts.length === 0 ? '' : first + parts.join(between);
  });
}
