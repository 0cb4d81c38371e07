import pino from 'pino';

export interface Log {
  /** The least severe entries that are written; can be set at any time. Absent: all of them. */
  level?: string;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

// Names under which a secret might reach a log line by mistake, at the top or one level down.
const secret = ['authorization', 'token', 'access_token', 'refresh_token', 'id_token', 'cookie', 'password', 'secret'];

/** One JSON line per entry to `file`, or to standard error where none is given. Until the settings are read, its level comes from GATEHOUSE_LOG (default `info`). */
export function openLog(file?: string, asked = process.env.GATEHOUSE_LOG ?? 'info'): Log {
  const level = Object.hasOwn(pino.levels.values, asked) ? asked : 'info';
  const destination =
    file === undefined
      ? pino.destination({ dest: 2, sync: true })
      : pino.destination({ dest: file, mkdir: true, sync: false, mode: 0o600 });
  return pino({ level, base: null, redact: { paths: secret.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' } }, destination);
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
