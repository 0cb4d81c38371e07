import { useState } from 'react';
import { CopyBlock } from './copy.tsx';
import { Segments } from './field.tsx';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
const deepest = 4;

/** A tool's arguments as a readable list or as JSON. Schemas come from outside: any shape must do. */
export function Schema({ schema }: { schema: unknown }) {
  const [form, setForm] = useState<'list' | 'json'>('list');
  const fields = isObject(schema) && isObject(schema['properties']) ? Object.entries(schema['properties']) : [];
  return (
    <div>
      <div className="flex items-center justify-between gap-3 pb-2">
        <h2 className="font-medium text-13 text-quiet">Arguments</h2>
        <Segments
          label="Show arguments as"
          value={form}
          onValue={setForm}
          options={[
            { value: 'list', text: 'List' },
            { value: 'json', text: 'JSON' },
          ]}
        />
      </div>
      {form === 'json' ? (
        <CopyBlock value={JSON.stringify(schema ?? {}, null, 2)} what="schema" />
      ) : fields.length === 0 ? (
        <p className="text-13 text-quiet">This tool takes no arguments.</p>
      ) : (
        <FieldList schema={schema as Json} depth={1} />
      )}
    </div>
  );
}

function FieldList({ schema, depth }: { schema: Json; depth: number }) {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return (
    <ul className={depth === 1 ? 'border-line border-t' : 'ml-1 border-line border-l pl-3'}>
      {Object.entries(properties).map(([name, value]) => {
        const field = isObject(value) ? value : {};
        const inner = nested(field);
        return (
          <li key={name} className={depth === 1 ? 'border-line border-b py-2' : 'pt-2'}>
            <div className="flex flex-wrap items-baseline gap-x-2">
              <code className="min-w-0 break-all font-mono text-13">{name}</code>
              <span className="text-12 text-quiet">{typeWord(field)}</span>
              {required.includes(name) && <span className="text-12 text-ask">required</span>}
            </div>
            {typeof field['description'] === 'string' && <p className="break-words text-12 text-quiet leading-5">{field['description']}</p>}
            {Array.isArray(field['enum']) && (
              <p className="break-all pt-0.5 font-mono text-12 text-quiet leading-5">
                {field['enum'].map((member) => JSON.stringify(member)).join(' | ')}
              </p>
            )}
            {inner && depth < deepest && <FieldList schema={inner} depth={depth + 1} />}
          </li>
        );
      })}
    </ul>
  );
}

/** The schema of the object in a field, or of the objects in a list. */
function nested(field: Json): Json | undefined {
  const inner = field['type'] === 'array' && isObject(field['items']) ? field['items'] : field;
  return isObject(inner['properties']) ? inner : undefined;
}

function typeWord(field: Json): string {
  const type = field['type'];
  const typeName = Array.isArray(type)
    ? type.join(' or ')
    : typeof type === 'string'
      ? type
      : field['enum']
        ? 'one of'
        : Array.isArray(field['anyOf'] ?? field['oneOf'])
          ? 'one of several'
          : 'any';
  const fullName = type === 'array' && isObject(field['items']) ? `list of ${typeWord(field['items'])}` : typeName;
  const format = typeof field['format'] === 'string' ? `, ${field['format']}` : '';
  const fallback = field['default'] === undefined ? '' : `, default ${JSON.stringify(field['default'])}`;
  return `${fullName}${format}${fallback}`;
}
