import { hash } from 'node:crypto';
import type { Activity } from '../contract/activity.ts';
import type { DecisionEffect } from '../contract/explanation.ts';
import { ownRules } from '../contract/rule-ids.ts';

/** What the pipeline knows of one decision or call. It holds no argument and no result: only sizes and a hash. */
export interface LedgerEntry {
  /** Milliseconds since the epoch. */
  at: number;
  person: string;
  agent: string;
  server: string;
  method: string;
  target: string;
  decision: DecisionEffect;
  rule: string;
  reason: string;
  bundleVersion: number;
  outcome: 'ok' | 'error';
  error?: string | undefined;
  totalMs: number;
  upstreamMs: number;
  requestBytes: number;
  responseBytes: number;
  argumentHash: string;
  /** Groups the calls of one conversation; it names, it never authenticates. */
  session?: string | undefined;
}

/** One link of the chain, as it is listed, exported and uploaded. */
export type LedgerRecord = Activity;

/** An entry in the order of the table's columns, already clean: what crosses to the writer, and what is bound to the statement. */
export type Row = [
  at: number,
  person: string,
  agent: string,
  server: string,
  method: string,
  target: string,
  decision: DecisionEffect,
  rule: string,
  reason: string,
  bundleVersion: number,
  outcome: 'ok' | 'error',
  error: string | null,
  totalMs: number,
  upstreamMs: number,
  requestBytes: number,
  responseBytes: number,
  argumentHash: string,
  session: string | null,
];

/** The columns of a Row; `seq`, `previous_hash` and `hash` stand around them in the table. */
export const columns =
  'at, person, agent, server, method, target, decision, rule, reason, bundle_version, outcome, error, total_ms, upstream_ms, request_bytes, response_bytes, argument_hash, session';

/** What the first record of a chain names as its predecessor. */
export const genesis = '';

/** Methods below this prefix are the ledger's own notes (a restart, a gap, a mismatch); they are no calls and count in no chart. */
export const notePrefix = 'gatehouse/ledger-';
/** The rule that such a note names. An agent cannot choose it, as it can a method. */
export const noteRule = ownRules.ledgerNote;

/** An entry that is no call: something that happened here and belongs into the record. */
export function noteOf(kind: string, reason: string, at: number): LedgerEntry {
  return {
    at,
    person: '',
    agent: '',
    server: 'gatehouse',
    method: notePrefix + kind,
    target: '',
    decision: 'allow',
    rule: noteRule,
    reason,
    bundleVersion: 0,
    outcome: 'error',
    error: kind,
    totalMs: 0,
    upstreamMs: 0,
    requestBytes: 0,
    responseBytes: 0,
    argumentHash: '',
  };
}

/** A note on something that went as it should. */
export const happened = (kind: string, reason: string, at: number): LedgerEntry => ({
  ...noteOf(kind, reason, at),
  outcome: 'ok',
  error: undefined,
});

// Names, URIs and errors come from agents and upstreams: one hostile call must not make a record of megabytes.
const longest = 4096;
const latest = 8.64e15;

/**
 * Makes an entry safe to hash, store and read back unchanged: text without lone surrogates and at most 4,096 characters (a cut one ends in `…`),
 * finite numbers, durations in whole microseconds.
 */
export function toRow(entry: LedgerEntry, now: () => number): Row {
  return [
    Math.abs(entry.at) <= latest ? Math.trunc(entry.at) : now(),
    text(entry.person),
    text(entry.agent),
    text(entry.server),
    text(entry.method),
    text(entry.target),
    text(entry.decision),
    text(entry.rule),
    text(entry.reason),
    count(entry.bundleVersion),
    text(entry.outcome),
    entry.error === undefined ? null : text(entry.error),
    duration(entry.totalMs),
    duration(entry.upstreamMs),
    count(entry.requestBytes),
    count(entry.responseBytes),
    text(entry.argumentHash),
    entry.session === undefined ? null : text(entry.session),
  ];
}

/** A link without its own hash. The keys stand in sorted order, so that plain JSON.stringify gives the canonical form. */
export function toUnhashed(row: Row, seq: number, previousHash: string): Omit<LedgerRecord, 'hash'> {
  return {
    agent: row[2],
    argumentHash: row[16],
    at: new Date(row[0]).toISOString(),
    bundleVersion: row[9],
    decision: row[6],
    ...(row[11] === null ? undefined : { error: row[11] }),
    method: row[4],
    outcome: row[10],
    person: row[1],
    previousHash,
    reason: row[8],
    requestBytes: row[14],
    responseBytes: row[15],
    rule: row[7],
    seq,
    server: row[3],
    ...(row[17] === null ? undefined : { session: row[17] }),
    target: row[5],
    totalMs: row[12],
    upstreamMs: row[13],
  };
}

/** A row as it lies in the table: seq, the columns, previous_hash, hash. */
export type Stored = (string | number | null)[];

/** The record that a row of the table stands for. */
export function toRecord(row: Stored): LedgerRecord {
  return {
    ...toUnhashed(row.slice(1, -2) as unknown as Row, row[0] as number, row[row.length - 2] as string),
    hash: row[row.length - 1] as string,
  };
}

/**
 * SHA-256 (base64url) over the record's canonical JSON (RFC 8785) without `hash`. Central recomputes it from the JSON it was sent,
 * so it covers every key that is there, also one we do not know.
 */
export function hashRecord(record: Omit<LedgerRecord, 'hash'>): string {
  const source = record as unknown as Record<string, unknown>;
  const sorted: Record<string, unknown> = {};
  for (const key of Object.keys(source).sort()) if (key !== 'hash') sorted[key] = source[key];
  return hashSorted(sorted as unknown as Omit<LedgerRecord, 'hash'>);
}

/** The same for a record straight from `toUnhashed`, whose keys are sorted already: a third of the time. */
export function hashSorted(record: Omit<LedgerRecord, 'hash'>): string {
  return hash('sha256', JSON.stringify(record), 'base64url');
}

function text<T extends string>(value: T): T {
  // Whatever a caller of ours got wrong, the call was made and is recorded.
  const whole = typeof value === 'string' ? value : String(value);
  const short = whole.length > longest ? `${whole.slice(0, longest - 1)}…` : whole;
  return (short.isWellFormed() ? short : short.toWellFormed()) as T;
}

function duration(ms: number): number {
  return ms > 0 ? Math.round(Math.min(ms, 1e12) * 1000) / 1000 : 0;
}

function count(value: number): number {
  return Number.isFinite(value) && value > 0 ? Math.min(Math.trunc(value), Number.MAX_SAFE_INTEGER) : 0;
}
