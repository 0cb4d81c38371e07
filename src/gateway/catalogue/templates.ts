/** Of RFC 6570. It has no brace inside: looking from each unclosed brace to the end of a text would take quadratic time. */
const expression = /(\{[^{}]*\})/;
/** These forms expand to nothing where their variables have no value; else they begin with the operator itself. */
const optional = /^\{([?&/#;.])/;
/** Each adds places at which the rest may begin. Nobody writes as many; from the next one on, each matches any text. */
const mostOptional = 16;

/**
 * Whether `uri` could come of an RFC 6570 template. Simple expressions are "one or more characters", optional ones nothing or their operator with
 * whatever follows: the policy decides on the URI itself, this only finds its server.
 */
export function matchesTemplate(template: string, uri: string): boolean {
  const parts = template.split(expression);
  if (parts.length === 1) return uri === template;
  if (!uri.startsWith(parts[0]!)) return false;
  /** Where the next part may begin: at some places before `from`, in order, and everywhere from there on. */
  let some = [parts[0]!.length];
  let from = Number.POSITIVE_INFINITY;
  let options = 0;
  for (const part of parts.slice(1)) {
    const operator = optional.exec(part)?.[1];
    if (operator !== undefined && ++options <= mostOptional) {
      const begins = some.find((at) => uri[at] === operator);
      if (begins === undefined) continue;
      from = Math.min(from, begins + 1);
      some = some.filter((at) => at < from);
    } else if (expression.test(part)) {
      from = Math.min(some[0] ?? from, from) + (operator === undefined ? 1 : 0);
      some = [];
    } else if (part !== '') [some, from] = [after(uri, part, some, from), Number.POSITIVE_INFINITY];
    if (some.length === 0 && from > uri.length) return false;
  }
  return from <= uri.length || some.at(-1) === uri.length;
}

/** Where a literal ends that begins at one of these places. */
function after(uri: string, literal: string, some: readonly number[], from: number): number[] {
  const ends = some.filter((at) => uri.startsWith(literal, at)).map((at) => at + literal.length);
  if (from > uri.length) return ends;
  for (let at = uri.indexOf(literal, from); at >= 0; at = uri.indexOf(literal, at + 1)) ends.push(at + literal.length);
  return ends;
}
