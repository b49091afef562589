/** The ten named expressions of the model, and the units that they and the renderer's faces are made of. */

/** One expression: a name, and its column as a mix of MakeHuman's units. Its natural range is 0..1. */
export interface NamedExpression {
  readonly name: string;
  /** Unit -> weight at coefficient 1. */
  readonly units: Readonly<Record<string, number>>;
}

/** `mouth-open` reaches 39 mm at 1; a jaw does not. */
const WIDEST_JAW = 0.75;
/** `eye-*-closure` shuts the lids at 0.82 and lets them cross beyond it. */
const SHUT_LIDS = 0.82;

/** In the order of the model's expression parameters. */
export const NAMED_EXPRESSIONS: readonly NamedExpression[] = [
  { name: 'mouthOpen', units: { 'mouth-open': WIDEST_JAW } },
  { name: 'smile', units: { 'mouth-corner-puller': 1 } },
  { name: 'pucker', units: { 'mouth-pursing': 1 } },
  { name: 'stretch', units: { 'mouth-retraction': 1 } },
  {
    name: 'sneer',
    units: { 'mouth-elevation': 1, 'nose-left-elevation': 0.5, 'nose-right-elevation': 0.5 },
  },
  { name: 'lipsApart', units: { 'mouth-part-later': 1 } },
  { name: 'frown', units: { 'mouth-depression': 1, 'neck-platysma': 0.4 } },
  {
    name: 'browsUp',
    units: {
      'eyebrows-left-up': 1,
      'eyebrows-right-up': 1,
      'eyebrows-left-extern-up': 0.4,
      'eyebrows-right-extern-up': 0.4,
    },
  },
  { name: 'browsDown', units: { 'eyebrows-left-down': 1, 'eyebrows-right-down': 1 } },
  { name: 'eyesClosed', units: { 'eye-left-closure': SHUT_LIDS, 'eye-right-closure': SHUT_LIDS } },
];

/** The three versions of a unit differ by at most 0.2 mm rms, so the model takes their average. */
export const EXPRESSION_VERSIONS = ['african', 'asian', 'caucasian'] as const;

/** Names of all units in the data, e.g. `mouth-open`. */
export function expressionUnits(targetNames: readonly string[]): string[] {
  const prefix = `expression/units/${EXPRESSION_VERSIONS[0]}/`;
  return targetNames.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}
