/** `legacy`: stateful, begun by `initialize`. `modern`: stateless, each request says all that is to know of the agent (SEP-2575). */
export type Era = 'legacy' | 'modern';

export const modernVersion = '2026-07-28';
export const modernVersions = [modernVersion];

/** Newest first: what is offered, and what is accepted in answer to it. */
export const legacyVersions = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
