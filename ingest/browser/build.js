// Builds dist/ from src/: the script, the same in gzip, and the digests by which a test sees that they belong together.
// With `check` it writes nothing and fails when the script in dist/ is another.

import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';

const BUILT = 'dist/affitor-tracker.js';
const LIMIT = 2500;

const { outputFiles } = await build({
  entryPoints: ['src/main.js'],
  bundle: true,
  format: 'iife',
  target: 'es2018',
  charset: 'ascii',
  minify: true,
  write: false,
});
const { code } = await minify(outputFiles[0].text, {
  compress: { passes: 3 },
  ecma: 2018,
  format: { ascii_only: true },
  // Members of our own that are neither sent nor stored nor seen by a page.
  mangle: { properties: { regex: /^(again|isFinal|pause)$/ } },
});
const script = Buffer.from(code);
const small = gzipSync(script, { level: 9 });
console.log(`${script.length} bytes, ${small.length} in gzip`);
if (small.length > LIMIT) throw new Error(`more than ${LIMIT} bytes in gzip`);
if (process.argv[2] === 'check') {
  if (!script.equals(readFileSync(BUILT))) throw new Error(`${BUILT} is not what src/ makes: run npm run build`);
  process.exit();
}
writeFileSync(BUILT, script);
writeFileSync(`${BUILT}.gz`, small);

const sources = readdirSync('src').sort().map((name) => `src/${name}`);
const digest = (path) => `${createHash('sha256').update(readFileSync(path)).digest('hex')}  ${path}\n`;
const listed = [...sources, 'build.js', 'package-lock.json', BUILT, `${BUILT}.gz`].map(digest);
writeFileSync('dist/SHA256SUMS', listed.join(''));
