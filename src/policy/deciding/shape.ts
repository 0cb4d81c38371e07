import type { ArgumentKind, ServerEntry } from '../../bundle/schema.ts';
import { type ArgumentType, argumentsOf } from './arguments.ts';

/** What is known of a value among the arguments: its kind, and those of its members. A list has the shape of its members. */
export interface ArgumentShape {
  kind?: ArgumentKind;
  /** Named by the blessed schema or by the company: such a name is no data. */
  members: Map<string, ArgumentShape>;
  /** Of the members that are not named. */
  rest?: ArgumentShape;
}

const shapes = new WeakMap<ServerEntry, Map<string, ArgumentShape>>();

/** Worked out once per tool and bundle. */
export function shapeOf(server: ServerEntry, action: 'call' | 'get', name: string): ArgumentShape {
  const ofServer = shapes.get(server) ?? new Map<string, ArgumentShape>();
  shapes.set(server, ofServer);
  const key = `${action} ${name}`;
  const shape = ofServer.get(key) ?? (action === 'call' ? shapeOfTool(server, name) : shapeOfPrompt(server, name));
  ofServer.set(key, shape);
  return shape;
}

export function shapeOfTool({ catalogue, tools }: Pick<ServerEntry, 'catalogue' | 'tools'>, name: string): ArgumentShape {
  const shape = fromType(argumentsOf(catalogue.tools.find((tool) => tool.name === name)?.['inputSchema']));
  const kinds = Object.hasOwn(tools, name) ? (tools[name]!.arguments ?? {}) : {};
  for (const [path, kind] of Object.entries(kinds)) {
    let at = shape;
    for (const part of path.split('.')) at = part === '*' ? (at.rest ??= empty()) : member(at, part);
    at.kind = kind;
  }
  return shape;
}

function shapeOfPrompt({ catalogue }: ServerEntry, name: string): ArgumentShape {
  const list: unknown = catalogue.prompts.find((prompt) => prompt.name === name)?.['arguments'];
  const names = Array.isArray(list) ? list.map((argument: { name?: unknown } | null) => argument?.name) : [];
  return {
    members: new Map(names.filter((argumentName) => typeof argumentName === 'string').map((argumentName) => [argumentName, empty()])),
  };
}

const empty = (): ArgumentShape => ({ members: new Map() });

function member({ members }: ArgumentShape, name: string): ArgumentShape {
  const shape = members.get(name) ?? empty();
  members.set(name, shape);
  return shape;
}

function fromType(type: ArgumentType): ArgumentShape {
  if (type.kind === 'set') return fromType(type.of);
  return { members: new Map(type.kind === 'record' ? [...type.members].map(([name, memberType]) => [name, fromType(memberType)]) : []) };
}

export interface Text {
  text: string;
  kind: ArgumentKind | undefined;
  /** The name of the argument that it is in. */
  name: string;
}

/** All texts among the arguments that may be a path or a URL, names that nobody listed included; those declared as `text` are left out. */
export function* textsIn(value: unknown, shape: ArgumentShape | undefined, above?: ArgumentKind, name = '', depth = 0): Generator<Text> {
  const kind = shape?.kind ?? above;
  if (kind === 'text' || value === null || value === undefined) return;
  if (typeof value === 'string') yield { text: value, kind, name };
  else if (typeof value !== 'object') {
    // A server may use a number as a name, so a number counts where it is declared to be one.
    if (kind !== undefined) yield { text: String(value), kind, name };
  } else if (depth > maxDepth) throw new RangeError('too deep');
  else if (Array.isArray(value)) {
    for (const entry of value) if (kind !== undefined || mayHold(entry)) yield* textsIn(entry, shape, kind, name, depth + 1);
  }
  // Not their entries: whoever asks stops early, and making a hundred thousand pairs takes some 30 ms.
  else
    for (const key of Object.keys(value)) {
      const own = shape?.members.get(key);
      if (!own) yield { text: key, kind, name: key };
      yield* textsIn((value as Record<string, unknown>)[key], own ?? shape?.rest, kind, key, depth + 1);
    }
}

/** A number of a long list is not worth a generator of its own. */
const mayHold = (value: unknown): boolean => typeof value === 'string' || typeof value === 'object';

const maxDepth = 32;
