const WIDTH = 420;
const HEIGHT = 320;
const MARGIN = { left: 56, right: 16, top: 36, bottom: 46 };
const COLOURS = ['#1f5fa8', '#c2562d', '#3c7a3c'];

/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

/** A line chart with axes that start at 0. */
export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xMax: number;
  /** Default 1. */
  readonly yMax?: number;
  readonly series: readonly Series[];
}

/** Charts side by side as SVG. */
export function drawLineCharts(charts: readonly LineChart[]): string {
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

function drawChart({ title, xLabel, yLabel, xMax, yMax = 1, series }: LineChart): string {
  const { left, top } = MARGIN;
  const width = WIDTH - left - MARGIN.right;
  const height = HEIGHT - top - MARGIN.bottom;
  const x = (value: number): string => (left + (value / xMax) * width).toFixed(1);
  const y = (value: number): string => (top + (1 - value / yMax) * height).toFixed(1);
  const parts = [`<text x="${left}" y="22" font-size="14" font-weight="bold">${escapeXml(title)}</text>`];
  for (let tick = 0; tick <= 5; tick++) {
    const share = tick / 5;
    const value = share * xMax;
    parts.push(
      `<path d="M${x(0)} ${y(share * yMax)}H${x(xMax)}M${x(value)} ${y(0)}V${y(yMax)}" stroke="#ddd" fill="none"/>`,
      `<text x="${left - 8}" y="${Number(y(share * yMax)) + 4}" text-anchor="end">${(share * yMax).toFixed(1)}</text>`,
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
