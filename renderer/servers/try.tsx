import { type FormEvent, useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { Explanation } from '../../src/contract/explanation.ts';
import type { ToolRow } from '../../src/contract/servers.ts';
import { Button } from '../parts/button.tsx';
import { DecisionWord } from '../parts/decision.tsx';
import { Field, TextArea } from '../parts/field.tsx';
import { Trouble } from '../parts/state.tsx';
import { useCall } from '../store.ts';

type Json = Record<string, unknown>;

/** Arguments that a person can edit rather than invent: each required one, with the first value that its schema allows. */
export function sample(schema: unknown): Json {
  const { properties, required } = (schema ?? {}) as { properties?: Record<string, Json>; required?: unknown };
  const names = Array.isArray(required) ? required.filter((name): name is string => typeof name === 'string') : [];
  return Object.fromEntries(names.map((name) => [name, value(properties?.[name] ?? {})]));
}

function value(field: Json): unknown {
  if (field['default'] !== undefined) return field['default'];
  if (Array.isArray(field['enum'])) return field['enum'][0];
  return { string: '', number: 0, integer: 0, boolean: false, array: [], object: {} }[String(field['type'])] ?? null;
}

function read(text: string): Json | undefined {
  try {
    const parsed = JSON.parse(text) as unknown;
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** What the policy would say to a call with these arguments. Nothing is called and nothing recorded. */
export function TryArguments({ tool }: { tool: ToolRow }) {
  const call = useCall();
  const [text, setText] = useState(() => JSON.stringify(sample(tool.inputSchema), null, 2));
  const [wrong, setWrong] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<Explanation>();
  const [failed, setFailed] = useState<ErrorValue>();

  const check = async () => {
    const args = read(text);
    setFailed(undefined);
    setSaid(undefined);
    if (args === undefined) return setWrong('This is not a JSON object.');
    setBusy(true);
    const reply = await call('tool-explain', { server: tool.server, tool: tool.name, arguments: args });
    setBusy(false);
    if (reply.ok) setSaid(reply.value);
    else setFailed(reply.error);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void check();
  };
  return (
    <form onSubmit={submit} noValidate>
      <Field label="Would a call be allowed?" hint="Only the policy is asked; nothing is called." wrong={wrong}>
        {(ids) => (
          <TextArea
            {...ids}
            spellCheck={false}
            rows={Math.min(8, text.split('\n').length)}
            className="font-mono"
            value={text}
            aria-invalid={wrong !== undefined}
            onChange={(event) => {
              setText(event.target.value);
              setWrong(undefined);
              setSaid(undefined);
            }}
          />
        )}
      </Field>
      <div className="flex min-h-8 flex-wrap items-center gap-3 pt-2">
        <Button type="submit" disabled={busy}>
          Check
        </Button>
        <div role="status" className="min-w-0 flex-1">
          {said && (
            <p className="flex flex-wrap items-center gap-x-2">
              <DecisionWord verdict={said.effect} /> <code className="break-all font-mono text-13">{said.rule}</code>
            </p>
          )}
        </div>
      </div>
      {said && (
        <p className="break-words pt-2 text-13 text-quiet">
          {said.reason}
          {said.missing && ` Not met: ${said.missing}.`}
        </p>
      )}
      {failed && (
        <div className="pt-3">
          <Trouble error={failed} title="The policy could not be asked" />
        </div>
      )}
    </form>
  );
}
