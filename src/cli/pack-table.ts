import { modelBytes, type PackManifest, type PackModel } from '../engine/weights/pack-manifest.ts';

/** The contents of a pack in columns, one line per model. */
export function packTable(models: PackManifest['models']): string[] {
  const rows = models.map((model) => [model.name, model.role, facts(model), size(model), model.licence.name]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Licence notices that users of these models must know, one per line. */
export function licenceNotices(models: PackManifest['models']): string[] {
  const notices = new Map<string, string[]>();
  for (const { name, licence } of models) {
    if (licence.notice === undefined) continue;
    const text = licence.url === undefined ? licence.notice : `${licence.notice} ${licence.url}`;
    notices.set(text, [...(notices.get(text) ?? []), name]);
  }
  return [...notices].map(([text, names]) => `${names.join(', ')}: ${text}`);
}

function size(model: PackModel): string {
  const bytes = modelBytes(model);
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function facts(model: PackModel): string {
  const { architecture, widthMultiplier, outputCount, shapeCount, expressionCount } = model;
  const parts: string[] = [];
  if (architecture !== undefined) parts.push(architecture);
  if (widthMultiplier !== undefined) parts.push(`x${widthMultiplier}`);
  if (outputCount !== undefined) parts.push(`${outputCount} outputs`);
  else if (shapeCount !== undefined) parts.push(`${shapeCount} + ${expressionCount ?? 0} columns`);
  return parts.join(' ');
}
