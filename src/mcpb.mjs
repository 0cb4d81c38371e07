// `node src/mcpb.mjs FILE`: the stdio bridge as one file for Claude Desktop (MCP Bundle, manifest 0.3), which brings its own Node. It holds the bridge
// alone and no token; the host is the installed app.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateRawSync } from 'node:zlib';
import { build } from 'vite';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = process.argv[2];
if (out === undefined) {
  process.stderr.write('Usage: node src/mcpb.mjs FILE\n');
  process.exit(2);
}
const { version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const manifest = {
  manifest_version: '0.3',
  name: 'gatehouse',
  display_name: 'Gatehouse',
  version,
  description: 'The tools that your company lets you use, through the Gatehouse app on this computer.',
  long_description:
    'Connects to the Gatehouse app, which asks you once whether this program may come in. There is nothing to enter here, and no token.',
  author: { name: 'The Gatehouse authors' },
  license,
  icon: 'icon.png',
  server: {
    type: 'node',
    entry_point: 'dist/main/start.mjs',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Claude Desktop puts the folder in.
    mcp_config: { command: 'node', args: ['${__dirname}/dist/main/start.mjs'] },
  },
  tools_generated: true,
  compatibility: { platforms: ['darwin', 'win32', 'linux'], runtimes: { node: '>=20.0.0' } },
};

/** The bridge with all that it needs, as one file. */
async function bridge() {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-mcpb-'));
  try {
    await build({
      configFile: false,
      root,
      logLevel: 'warn',
      ssr: { noExternal: true },
      build: {
        ssr: join(root, 'src/cli/bridge.ts'),
        outDir: dir,
        emptyOutDir: true,
        target: 'node20',
        copyPublicDir: false,
        rolldownOptions: { output: { format: 'es', entryFileNames: 'bridge.mjs', codeSplitting: false } },
      },
    });
    return readFileSync(join(dir, 'bridge.mjs'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A ZIP archive (APPNOTE 6.3): deflated, all of the same old date, so that the same content makes the same bytes. */
function zip(files) {
  const parts = [];
  const listed = [];
  let at = 0;
  for (const [name, content] of files) {
    const [path, packed] = [Buffer.from(name), deflateRawSync(content)];
    const common = Buffer.alloc(26);
    // Version 2.0, names in UTF-8, deflate, 1 January 1980.
    for (const [offset, value] of [
      [0, 20],
      [2, 0x0800],
      [4, 8],
      [8, 0x21],
      [22, path.length],
    ])
      common.writeUInt16LE(value, offset);
    for (const [offset, value] of [
      [10, crc32(content)],
      [14, packed.length],
      [18, content.length],
    ])
      common.writeUInt32LE(value, offset);
    parts.push(Buffer.from('PK\x03\x04'), common, path, packed);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(at, 10);
    // Made under Unix by version 2.0.
    listed.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, entry, path);
    at += 4 + common.length + path.length + packed.length;
  }
  const directory = Buffer.concat(listed);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, directory, Buffer.from('PK\x05\x06'), end]);
}

const text = (value) => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
writeFileSync(
  out,
  zip([
    ['manifest.json', text(manifest)],
    ['package.json', text({ name: 'gatehouse-bridge', version, type: 'module', private: true })],
    ['icon.png', readFileSync(join(root, 'resources/icons/icon.png'))],
    ['dist/main/bridge.mjs', await bridge()],
    ['dist/main/start.mjs', Buffer.from("import { run } from './bridge.mjs';\n\nawait run(process.argv.slice(2));\n")],
  ]),
);
