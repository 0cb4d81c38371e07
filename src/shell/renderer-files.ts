import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

export interface RendererFile {
  body: Buffer;
  type: string;
  /** Its name carries a hash of its content, so it may be cached for ever. */
  hashed: boolean;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

/**
 * The built window as a map from request path to file. A request is a look-up in it and never a path on disk, so no `..`, no encoding trick
 * and no symbolic link can reach anything else. Empty where nothing was built.
 */
export async function readRenderer(dir: string): Promise<Map<string, RendererFile>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const files = entries.filter((entry) => entry.isFile() && types[extname(entry.name)] !== undefined);
  const read = await Promise.all(
    files.map(async (entry): Promise<[string, RendererFile]> => {
      const full = join(entry.parentPath, entry.name);
      const path = full.slice(dir.length).replaceAll('\\', '/');
      return [
        path.startsWith('/') ? path : `/${path}`,
        {
          body: await readFile(full),
          type: types[extname(entry.name)]!,
          hashed: path.includes('/assets/') && /-[\w-]{8}\.\w+$/.test(path),
        },
      ];
    }),
  );
  const map = new Map(read);
  const index = map.get('/index.html');
  if (index !== undefined) map.set('/', index);
  return map;
}

/** What stands in for the window where it was not built: says how to build it. */
export const unbuilt: RendererFile = {
  body: Buffer.from(
    '<!doctype html><html lang="en"><title>Gatehouse</title><h1>The window is not built</h1><p>Run <code>npm run build</code>, then start Gatehouse again. The gateway works meanwhile.</p></html>',
  ),
  type: 'text/html; charset=utf-8',
  hashed: false,
};

/**
 * The window's headers. It loads nothing from anywhere but its own origin and no page may frame it. `connect`: headless talks HTTP to
 * its own origin; Electron's window talks IPC, so there even that is closed.
 */
export function rendererHeaders(file: RendererFile, connect: "'self'" | "'none'"): Record<string, string> {
  return {
    'content-type': file.type,
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      `connect-src ${connect}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ].join('; '),
    'cache-control': file.hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    ...safeHeaders,
  };
}

/** On every answer of the window's server. */
export const safeHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), usb=(), serial=(), hid=()',
} as const;
