import type { DetectionSummary } from './accuracy.ts';

const WIDTH = 420;
const HEIGHT = 320;
const MARGIN = { left: 56, right: 16, top: 36, bottom: 46 };
const COLOURS = ['#1f5fa8', '#c2562d', '#3c7a3c'];
/** The error axis ends here, per cent: beyond it an alignment has failed. */
const LARGEST_ERROR = 10;

interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xMax: number;
  readonly series: readonly Series[];
}

/**
 * A picture of an evaluation as SVG: the share of faces below each landmark error, and precision over recall.
 * @param errors - name -> NME in per cent of each face.
 */
export function accuracyPlot(
  errors: ReadonlyMap<string, readonly number[]>,
  detection: DetectionSummary | undefined,
): string {
  const charts: Chart[] = [];
  if (errors.size > 0) {
    charts.push({
      title: 'Landmarks',
      xLabel: 'NME (%)',
      yLabel: 'share of faces',
      xMax: LARGEST_ERROR,
      series: [...errors].map(([name, values]) => ({ name, points: cumulative(values) })),
    });
  }
  if (detection !== undefined) {
    charts.push({
      title: `Detection: AP ${detection.averagePrecision.toFixed(3)}`,
      xLabel: 'recall',
      yLabel: 'precision',
      xMax: 1,
      series: [{ name: `overlap \u2265 ${detection.minOverlap}`, points: detection.curve }],
    });
  }
  const drawn = charts.map((chart, index) => `<g transform="translate(${index * WIDTH} 0)">${drawChart(chart)}</g>`);
  const width = Math.max(1, charts.length) * WIDTH;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" viewBox="0 0 ${width} ${HEIGHT}"`,
    ' font-family="sans-serif" font-size="12">',
    `<rect width="${width}" height="${HEIGHT}" fill="#fff"/>`,
    ...drawn,
    '</svg>\n',
  ].join('');
}

/** Steps of the share of values that are at most x. */
function cumulative(values: readonly number[]): [number, number][] {
  const sorted = [...values].sort((a, b) => a - b);
  const steps: [number, number][] = [[0, 0]];
  for (const [index, value] of sorted.entries()) {
    if (value > LARGEST_ERROR) break;
    steps.push([value, index / sorted.length], [value, (index + 1) / sorted.length]);
  }
  steps.push([LARGEST_ERROR, steps.at(-1)?.[1] ?? 0]);
  return steps;
}

function drawChart({ title, xLabel, yLabel, xMax, series }: Chart): string {
  const { left, top } = MARGIN;
  const width = WIDTH - left - MARGIN.right;
  const height = HEIGHT - top - MARGIN.bottom;
  const x = (value: number): string => (left + (value / xMax) * width).toFixed(1);
  const y = (value: number): string => (top + (1 - value) * height).toFixed(1);
  const parts = [`<text x="${left}" y="22" font-size="14" font-weight="bold">${escapeXml(title)}</text>`];
  for (let tick = 0; tick <= 5; tick++) {
    const share = tick / 5;
    const value = share * xMax;
    parts.push(
      `<path d="M${x(0)} ${y(share)}H${x(xMax)}M${x(value)} ${y(0)}V${y(1)}" stroke="#ddd" fill="none"/>`,
      `<text x="${left - 8}" y="${Number(y(share)) + 4}" text-anchor="end">${share.toFixed(1)}</text>`,
      `<text x="${x(value)}" y="${top + height + 16}" text-anchor="middle">${Number(value.toFixed(1))}</text>`,
    );
  }
  for (const [index, { name, points }] of series.entries()) {
    const colour = COLOURS[index % COLOURS.length];
    const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px)} ${y(py)}`).join('');
    parts.push(
      `<path d="${path}" stroke="${colour}" stroke-width="2" fill="none"/>`,
      `<text x="${left + width - 8}" y="${top + height - 12 - 16 * index}" text-anchor="end" fill="${colour}">${escapeXml(name)}</text>`,
    );
  }
  parts.push(
    `<text x="${left + width / 2}" y="${HEIGHT - 10}" text-anchor="middle">${escapeXml(xLabel)}</text>`,
    `<text transform="translate(16 ${top + height / 2}) rotate(-90)" text-anchor="middle">${escapeXml(yLabel)}</text>`,
  );
  return parts.join('');
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
