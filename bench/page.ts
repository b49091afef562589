/**
 * `npm run bench:page`: what Lighthouse measures, for the page in headless Chromium, on a desktop and on a phone whose processor is
 * four times slower: first and largest paint, layout shifts, how long the main thread is blocked and how long it works, bytes.
 * Each visit is a first one, with an empty cache. The server is on this machine. Needs Debian's Chromium.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';
import type { BrowserContextOptions } from 'playwright-core';
import { build } from 'vite';
import { launchChromium, startSite } from '../development/browser-site.ts';
import { countFrom } from '../development/parse-count.ts';
import { repositoryRoot } from '../development/paths.ts';
import { quantile, sorted } from '../src/bench/measure.ts';
import { describeMachine, machineLine } from '../src/bench/report.ts';
import { commit } from './commit.ts';
import { saveResults } from './save-results.ts';

const options = new Command('bench:page')
  .option('--weights <folder>', 'pack', join(repositoryRoot, 'weights', 'open'))
  .option('--visits <count>', 'visits of each kind', countFrom(1), 7)
  .option('--save <name>', 'write bench/results/page-<name>.json')
  .parse()
  .opts<{ weights: string; visits: number; save?: string }>();

interface Visitor {
  readonly name: string;
  readonly context: BrowserContextOptions;
  /** How many times slower the main thread's processor is. */
  readonly slowdown: number;
}

const VISITORS: readonly Visitor[] = [
  { name: 'desk, 1440x900', context: { viewport: { width: 1440, height: 900 } }, slowdown: 1 },
  {
    name: 'phone, 390x844, main thread four times slower',
    context: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
    slowdown: 4,
  },
];

/** What is observed on a page, ms since navigation. */
interface Seen {
  firstPaint: number;
  largestPaint: number;
  largest: string;
  layoutShift: number;
  result: number;
  view: number;
  readonly longTasks: { readonly start: number; readonly duration: number }[];
}
declare const seen: Seen;

/** What the page logs to its console once its 3D view is drawn. */
const DRAWN = 'the 3D view is drawn';
/** Waits this long for late events. */
const AFTERWARDS_MS = 1500;
const WATCH = `
  globalThis.seen = { firstPaint: 0, largestPaint: 0, largest: '', layoutShift: 0, result: 0, view: 0, longTasks: [] };
  const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  watch('paint', ({ name, startTime }) => { if (name === 'first-contentful-paint') seen.firstPaint = startTime; });
  watch('largest-contentful-paint', ({ startTime, element }) => {
    seen.largestPaint = startTime;
    seen.largest = element?.id || element?.localName || '';
  });
  watch('layout-shift', ({ value, hadRecentInput }) => { if (!hadRecentInput) seen.layoutShift += value; });
  watch('longtask', ({ startTime, duration }) => seen.longTasks.push({ start: startTime, duration }));
  addEventListener('DOMContentLoaded', () => {
    const status = document.getElementById('status');
    new MutationObserver(() => {
      if (seen.result === 0 && /face.* found/.test(status.textContent)) seen.result = performance.now();
    }).observe(status, { childList: true });
    const viewer = document.getElementById('viewer');
    new MutationObserver(() => {
      if (seen.view !== 0 || viewer.dataset.drawn !== 'true') return;
      seen.view = performance.now();
      console.debug('${DRAWN}');
    }).observe(viewer, { attributeFilter: ['data-drawn'] });
  });
`;

const machine = describeMachine(commit());
console.log(machineLine(machine));
const folder = join(repositoryRoot, 'bench', '.build', 'page');
await mkdir(folder, { recursive: true });
await build({ root: join(repositoryRoot, 'web'), logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });

/** Files that were requested, and their sizes on a host that compresses text. */
const sent = new Map<string, number>();
const server = await startSite({
  folders: { '/': folder, '/pack/': options.weights },
  tamper(path, bytes) {
    sent.set(path, /\.(html|js|css|json|svg|webmanifest|wasm)$/.test(path) ? gzipSync(bytes).length : bytes.length);
    return bytes;
  },
});
const browser = await launchChromium();
console.log(`Chromium ${browser.version()}, medians of ${options.visits} first visits, and the worst`);
const results: Record<string, Record<string, { median: number; worst: number }>> = {};
try {
  for (const visitor of VISITORS) {
    console.log(`\n${visitor.name}`);
    const visits: Record<string, number>[] = [];
    let largest = '';
    for (let visit = 0; visit < options.visits; visit++) {
      const { figures, element } = await visitOnce(visitor);
      visits.push(figures);
      largest = element;
    }
    const [first] = visits;
    const summary: Record<string, { median: number; worst: number }> = {};
    for (const name of Object.keys(first ?? {})) {
      const values = sorted(visits.map((figures) => figures[name] ?? Number.NaN));
      const [median, worst] = [quantile(values, 0.5), quantile(values, 1)];
      summary[name] = { median, worst };
      const digits = name === 'shifts of the layout' ? 4 : 0;
      console.log(`  ${name.padEnd(60)} ${median.toFixed(digits).padStart(8)} ${worst.toFixed(digits).padStart(8)}`);
    }
    console.log(`  the largest is #${largest}`);
    results[visitor.name] = summary;
  }
} finally {
  await browser.close();
  await server.close();
}
if (options.save !== undefined)
  await saveResults(`page-${options.save}`, { machine, chromium: browser.version(), results });

async function visitOnce({
  context: contextOptions,
  slowdown,
}: Visitor): Promise<{ readonly figures: Record<string, number>; readonly element: string }> {
  sent.clear();
  const context = await browser.newContext(contextOptions);
  await context.addInitScript(WATCH);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  if (slowdown > 1) await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
  const drawn = page.waitForEvent('console', { predicate: (message) => message.text() === DRAWN });
  await page.goto(`${server.url}/?pack=pack/`);
  await drawn;
  const { metrics } = await session.send('Performance.getMetrics');
  const metric = (name: string): number => 1000 * (metrics.find((one) => one.name === name)?.value ?? Number.NaN);
  await page.waitForTimeout(AFTERWARDS_MS);
  const found = await page.evaluate(() => seen);
  await context.close();
  const bytes = (isCounted: (path: string) => boolean): number =>
    [...sent].reduce((sum, [path, size]) => sum + (isCounted(path) ? size : 0), 0) / 1000;
  const blocked = found.longTasks
    .filter(({ start }) => start >= found.firstPaint && start < found.view)
    .reduce((sum, { duration }) => sum + duration - 50, 0);
  return {
    element: found.largest,
    figures: {
      'first paint, ms': found.firstPaint,
      'largest paint, ms': found.largestPaint,
      'first result of a face, ms': found.result,
      'the face in 3D is there, ms': found.view,
      'shifts of the layout': found.layoutShift,
      'main thread blocked (over 50 ms a task), ms': blocked,
      'main thread at work until the face in 3D, ms': metric('TaskDuration'),
      'of that in scripts, ms': metric('ScriptDuration'),
      'of that in layout and style, ms': metric('LayoutDuration') + metric('RecalcStyleDuration'),
      'page, compressed, kB': bytes((path) => !path.startsWith('/pack/')),
      'model, kB': bytes((path) => path.startsWith('/pack/')),
    },
  };
}
