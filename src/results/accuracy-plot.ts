import type { DetectionSummary } from './accuracy.ts';
import { drawLineCharts, type LineChart } from './line-chart.ts';

/** End of the error axis, per cent: an alignment beyond it has failed. */
const LARGEST_ERROR = 10;

/**
 * An evaluation plotted as SVG: the share of faces below each landmark error, and precision over recall.
 * @param errors - name -> NME of each face, per cent.
 */
export function accuracyPlot(
  errors: ReadonlyMap<string, readonly number[]>,
  detection: DetectionSummary | undefined,
): string {
  const charts: LineChart[] = [];
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
  return drawLineCharts(charts);
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
