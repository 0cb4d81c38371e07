import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audiencePolicies, compilePolicies } from '../../src/policy/authoring/compile.ts';
import { allowAll, bundleOf, call, knowledge, policyOf } from './company.ts';

const compile = (text: string, file = 'a.cedar') => compilePolicies([{ file, text }], knowledge);
/** `LINE severity`, message and fix of every problem. */
const problems = (text: string) => compile(text).problems.map(({ line, severity, message, fix }) => [`${line} ${severity}`, message, fix]);
const messages = (text: string) => compile(text).problems.map(({ line, message }) => `${line} ${message}`);

test('a policy becomes what bundles carry, with its line and annotations', () => {
  const { policies, problems } = compile(`// A comment; with a semicolon.

@id("R-1")
@reason("Because; of \\"that\\". // not a comment")
@approval("self")
permit(principal in Group::"devs", action == Action::"call", resource);
forbid(principal, action == Action::"get", resource); // tail
// the end
`);
  assert.deepEqual(
    problems.map(({ line, message }) => `${line} ${message}`),
    ['7 the policy has no @id', '7 the forbid has no @reason'],
  );
  assert.deepEqual(
    policies.map(({ id, effect, reason, source }) => ({ id, effect, reason, source })),
    [
      { id: 'R-1', effect: 'permit', reason: 'Because; of "that". // not a comment', source: { file: 'a.cedar', line: 3 } },
      { id: 'a.cedar#2', effect: 'forbid', reason: undefined, source: { file: 'a.cedar', line: 7 } },
    ],
  );
  assert.equal(policies[0]!.annotations['approval'], 'self');
  assert.deepEqual(policies[0]!.json['principal'], { op: 'in', entity: { type: 'Group', id: 'devs' } });
});

test('every policy with a syntax error is reported at its place, and the others still compile', () => {
  const { policies, problems } = compile(`permit(principal, acton, resource);
@id("Ü") permit(principal, action, resource);
@id("B") permit(principal, action, resource)
  when { "é" == bar };
@id("C") permit(principal, action, resource)`);
  assert.deepEqual(
    problems.filter((problem) => problem.severity === 'error').map(({ line, column }) => [line, column]),
    [
      [1, 19],
      [2, 1],
      [4, 17],
      [5, 45],
    ],
  );
  assert.deepEqual(policies, []);
  for (const { fix } of problems) assert.ok(fix.length > 3);
});

test('a condition that nests deeper than bundles can carry is refused, and what is let through can be applied', () => {
  const chain = (length: number, effect: string, from = 11) => {
    const hours = Array.from({ length }, (_, at) => `context.now.hour == ${from + at}`).join(' || ');
    return `@id("${effect}${from}") @reason("r") ${effect}(principal, action == Action::"call", resource) when { ${hours} };`;
  };
  assert.match(messages(chain(60, 'permit'))[0]!, /^1 its conditions nest too deeply/);
  let most = 10;
  while (compile(chain(most + 1, 'permit')).problems.length === 0) most++;
  // Two that only forbid are asked together.
  const policy = policyOf(allowAll + chain(most, 'permit') + chain(most, 'forbid') + chain(most, 'forbid', 12));
  assert.deepEqual([policy.decide(call('read')).effect, policy.decide(call('read')).rule], ['allow', 'ALL']);
  const busy = policyOf(allowAll + chain(most, 'forbid') + chain(most, 'forbid', 10));
  assert.equal(busy.decide(call('read')).rule, 'forbid10');
});

test('a template is refused in words', () => {
  assert.deepEqual(problems('@id("T")\npermit(principal == ?principal, action, resource);'), [
    ['2 error', 'templates (?principal, ?resource) are not supported', 'write a policy for each, or for a group'],
  ]);
});

test('an id is used once, in all files', () => {
  const first = { file: 'a.cedar', text: '@id("A") permit(principal, action, resource);' };
  const second = { file: 'b.cedar', text: `\n${first.text}` };
  const { policies, problems } = compilePolicies([first, second], knowledge);
  assert.deepEqual(problems, [
    {
      file: 'b.cedar',
      line: 2,
      column: 1,
      severity: 'error',
      message: '@id("A") is already used at a.cedar:1',
      fix: 'give this policy an @id of its own',
    },
  ]);
  assert.equal(policies.length, 1);
});

test('names that do not exist are errors, with the one that is meant', () => {
  const of = (scope: string) => problems(`@id("A") permit(${scope});`).filter(([where]) => where === '1 error');
  assert.deepEqual(of('principal in Group::"dev", action, resource'), [
    ['1 error', 'group "dev" is not known', 'did you mean Group::"devs"?'],
  ]);
  assert.deepEqual(of('principal, action == Action::"cal", resource'), [
    ['1 error', 'action "cal" is not known', 'did you mean Action::"call"?'],
  ]);
  assert.deepEqual(of('principal, action, resource in Server::"file"'), [
    ['1 error', 'server "file" is not known', 'did you mean Server::"files"?'],
  ]);
  assert.deepEqual(of('principal, action, resource == Tool::"files/raed"'), [
    ['1 error', 'tool of files "raed" is not known', 'did you mean Tool::"files/read"?'],
  ]);
  assert.deepEqual(of('principal, action, resource == Tool::"fils/read"'), [
    ['1 error', 'server "fils" is not known', 'did you mean Tool::"files/read"?'],
  ]);
  assert.deepEqual(of('principal, action, resource == Tool::"read"'), [
    ['1 error', 'Tool::"read" does not say of which server', 'write Tool::"server/read"'],
  ]);
  assert.deepEqual(of('principal, action, resource == Prompt::"files/sumary"'), [
    ['1 error', 'prompt of files "sumary" is not known', 'did you mean Prompt::"files/summary"?'],
  ]);
  assert.match(of('principal in Grup::"devs", action, resource')[0]![2]!, /did you mean `Group`/);
});

test('a name in a condition is checked like one in the scope', () => {
  const text =
    '@id("A") permit(principal, action == Action::"call", resource)\nwhen { resource in [Tool::"files/read",\n  Tool::"files/wrte"] };';
  assert.deepEqual(messages(text), ['3 tool of files "wrte" is not known']);
});

test('a URI that is not listed may still be read, so it is only warned of', () => {
  assert.deepEqual(
    compile('@id("A") permit(principal, action == Action::"read", resource == Resource::"files/file:///srv/ok/b.txt");').problems.map(
      (problem) => problem.severity,
    ),
    ['warning'],
  );
});

test('a misspelt annotation would ask for nothing, and an unknown one may be meant for something: both are errors, notes for people begin with x_', () => {
  assert.deepEqual(problems('@id("A") @aproval("self") @owner("it") @x_ticket("7") permit(principal, action, resource);'), [
    ['1 error', '@aproval is not known', 'did you mean @approval?'],
    ['1 error', '@owner is not known', 'remove it, or call it @x_owner if it is a note for people'],
  ]);
});

test('an obligation with a mistake is an error at its place', () => {
  const { problems } = compile('@id("A")\n@limit("20/min")\npermit(principal, action, resource);');
  assert.deepEqual([problems[0]!.line, problems[0]!.column, problems[0]!.severity], [2, 1, 'error']);
});

test('an obligation where it does nothing is warned of', () => {
  assert.deepEqual(messages('@id("A") @reason("x") @redact("pii") forbid(principal, action, resource);'), [
    '1 @redact does nothing on a forbid',
  ]);
  assert.deepEqual(messages('@id("A") @approval("self") permit(principal, action == Action::"discover", resource);'), [
    '1 @approval does nothing on a policy for discover alone',
  ]);
});

test('an argument is asked for with `has` first', () => {
  assert.deepEqual(
    problems('@id("A") permit(principal, action == Action::"call", resource == Tool::"files/read")\nwhen { context.args.path == "/a" };'),
    [
      [
        '2 error',
        'unable to guarantee safety of access to optional attribute `args.path` in context for Action::"call"',
        "try testing for the attribute's presence with `context.args has path && ..`",
      ],
    ],
  );
});

test('types of arguments are checked as far as the schema knows them', () => {
  const when = (condition: string, tool = 'resource == Tool::"files/write"') =>
    compile(`@id("A") permit(principal, action == Action::"call", ${tool}) when { ${condition} };`).problems.map(
      (problem) => problem.message,
    );
  assert.deepEqual(when('context.args has count && context.args.count > 3'), []);
  assert.deepEqual(when('context.args has count && context.args.count == "3"'), ['the types Long and String are not compatible']);
  assert.deepEqual(when('context.args has tags && context.args.tags.contains("x")', 'resource == Tool::"files/read"'), []);
});

test('a type that Cedar does not have refuses no policy, but the rest of it is still checked', () => {
  const when = (condition: string, resource = 'resource') =>
    compile(`@id("A") permit(principal, action == Action::"call", ${resource}) when { ${condition} };`)
      .problems.filter((problem) => problem.severity === 'error')
      .map((problem) => problem.message);
  const guarded = 'context.args has depth && ';
  assert.deepEqual(when(`${guarded}context.args.depth < 3`), []);
  assert.deepEqual(when(`${guarded}context.args.depth.lessThan(decimal("0.5")) || ${guarded}[1, 2].contains(context.args.depth)`), []);
  assert.deepEqual(when(`${guarded}context.args.depth < 3 && context.now.hour == "x"`), ['the types Long and String are not compatible']);
  assert.match(when('context.args.depth < 3')[0]!, /optional attribute `args.depth`/);
  assert.deepEqual(
    when(
      'context.args has anything && context.args.anything.deeper has it && context.args.anything.deeper.it like "x*"',
      'resource == Tool::"web/bare"',
    ),
    [],
  );
});

test('an argument that nothing in the scope has is warned of', () => {
  assert.deepEqual(
    problems(
      '@id("A") permit(principal, action == Action::"call", resource == Tool::"files/write") when {\n  context.args has contnt && context.args.contnt == "x" };',
    )[0],
    ['2 warning', 'nothing that this policy can apply to has the argument "contnt"', 'did you mean "content"?'],
  );
});

test('attributes that do not exist are errors', () => {
  assert.match(
    messages('@id("A") permit(principal, action == Action::"call", resource) when { resource.readonly };')[0]!,
    /`readonly`.*not found/,
  );
  assert.match(messages('@id("A") permit(principal, action, resource) when { resource.readOnly };')[0]!, /`readOnly`.*not found/);
});

test('a policy that can never apply is warned of', () => {
  assert.deepEqual(
    compile('@id("A") permit(principal, action == Action::"get", resource == Tool::"files/read");').problems.map(
      (problem) => problem.severity,
    ),
    ['warning', 'warning'],
  );
});

test('all that policies may speak of type-checks', () => {
  assert.deepEqual(
    problems(`@id("A") permit(principal in Group::"devs", action == Action::"call", resource in Server::"files") when {
      principal.groups.contains("red") && resource.tags.containsAny(["a"]) && resource.server.trust == "x" && resource.server.owner == "it" && !resource.openWorld &&
      context.agent.name like "c*" && context.now.epoch > 0 && context.now.hour < 12 && context.now.weekday == 1 && context.now.iso like "2026*" &&
      context.device.os == "linux" && context.device.managed && context.device.appVersion like "1.*" && context.bundle.freshness == "fresh" &&
      context.facts.contains("pii") && ["a"].containsAll(context.hosts) && context.within.contains("/srv") && !context.folders.contains("/x") && !context.paths.contains("/x") };`),
    [],
  );
});

test('an audience keeps what can apply to somebody in exactly these groups', () => {
  const { policies } = bundleOf(`${allowAll}
    @id("DEVS") permit(principal in Group::"devs", action, resource);
    @id("RED") permit(principal is User in Group::"red", action, resource);
    @id("ANN") permit(principal == User::"ann", action, resource);
    @id("BOB") permit(principal in User::"bob", action, resource);`);
  const ids = (...groups: string[]) => audiencePolicies(policies, groups).map((policy) => policy.id);
  assert.deepEqual(ids('devs'), ['ALL', 'DEVS', 'ANN', 'BOB']);
  assert.deepEqual(ids('red'), ['ALL', 'RED', 'ANN', 'BOB']);
  assert.deepEqual(ids(), ['ALL', 'ANN', 'BOB']);
});
