/** RFC 5424, as the specification takes them. */
export const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** RFC 5424 severity, lower is chattier; unknown levels count as the chattiest, so that nobody gets what they did not ask for. */
export const severity = (level: unknown): number => Math.max(0, levels.indexOf(level as string));
