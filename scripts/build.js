/** Builds `dist/`: the compiler's output for src and converters, and bundles for pages without a bundler. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleBrowser } from './bundle-browser.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(join(root, 'dist'), { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { cwd: root, stdio: 'inherit' });

const command = join(root, 'dist/src/cli/main.js');
if (existsSync(command)) chmodSync(command, 0o755);

await bundleBrowser(join(root, 'dist/browser'));
