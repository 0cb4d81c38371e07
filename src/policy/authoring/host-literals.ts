import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { readHost } from '../../base/url.ts';
import { contextPath, operands } from '../deciding/condition.ts';
import type { Finding } from './check.ts';

/** The texts that a policy compares with one set of the context, as `evil.example` in `context.hosts.contains("evil.example")`. */
export function comparedWith(json: PolicyJson, name: string): Set<string> {
  const texts = new Set<string>();
  const mentions = (expr: Expr): boolean => contextPath(expr)?.[0] === name || operands(expr).some(mentions);
  const collect = (expr: Expr): void => {
    const value = (expr as { Value?: unknown }).Value;
    if (typeof value === 'string') texts.add(value);
    for (const part of operands(expr)) collect(part);
  };
  const walk = (expr: Expr): void => {
    const [operator = ''] = Object.keys(expr);
    if (comparing.has(operator)) {
      const sides = operands(expr);
      if (sides.some(mentions)) for (const side of sides) collect(side);
    }
    for (const part of operands(expr)) walk(part);
  };
  for (const { body } of json.conditions) walk(body);
  return texts;
}

const comparing = new Set(['contains', 'containsAll', 'containsAny', '==', '!=']);

/** A literal that no fact can equal makes a forbid that never holds. */
export function checkHosts(json: PolicyJson): Finding[] {
  return [...comparedWith(json, 'hosts')]
    .filter((text) => hostMeant(text) !== text)
    .map((text) => {
      const meant = hostMeant(text);
      return {
        severity: 'error',
        message: `no host in context.hosts is ever written ${JSON.stringify(text)}`,
        fix: meant === undefined ? noHost(text) : `did you mean ${JSON.stringify(meant)}?`,
        near: JSON.stringify(text),
      };
    });
}

const noHost = (text: string): string =>
  text.includes('*')
    ? 'name each host: context.hosts holds whole hosts, and no pattern matches in it'
    : 'write the host alone, such as "wiki.example", "127.0.0.1" or "[::1]"';

/** The form that hosts have among the facts: without scheme, user, port and path, and as `readHost` has it. */
function hostMeant(text: string): string | undefined {
  const [authority = ''] = text
    .trim()
    .replace(/^(?:[a-z][a-z0-9+.-]*:)?[/\\]+/i, '')
    .split(/[/\\?#]/, 1);
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  return readHost(host) ?? readHost(`[${host}]`) ?? readHost(host.replace(/:\d*$/, ''));
}
