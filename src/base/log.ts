import pino from 'pino';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

// Names under which a secret might reach a log line by mistake, at the top or one level down.
const secret = ['authorization', 'token', 'access_token', 'refresh_token', 'id_token', 'cookie', 'password', 'secret'];

/** One JSON line per entry to `file`, or to standard error where none is given. Level from GATEHOUSE_LOG (default `info`). */
export function openLog(file?: string, level = process.env.GATEHOUSE_LOG ?? 'info'): Log {
  const destination =
    file === undefined
      ? pino.destination({ dest: 2, sync: true })
      : pino.destination({ dest: file, mkdir: true, sync: false, mode: 0o600 });
  return pino({ level, base: null, redact: { paths: secret.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' } }, destination);
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
