/**
 * Identities: random people, as weights of MakeHuman's targets. Spreads were chosen by eye, so that contact sheets look like
 * people; larger ones look like monsters.
 */
import type { Random } from './random.ts';

/** A slider with two ends; `paired` ones act equally on the left and right sides (`l-` and `r-` targets). */
interface Slider {
  readonly name: string;
  readonly plus: string;
  readonly minus: string;
  readonly paired?: true;
  /** Standard deviation of the slider before `IDENTITY_DETAIL`. */
  readonly sigma: number;
}

// biome-ignore format: a table
const SLIDERS: readonly Slider[] = [
  { name: 'head/head-scale-depth', plus: 'more', minus: 'less', sigma: 0.3 },
  { name: 'head/head-scale-horiz', plus: 'more', minus: 'less', sigma: 0.3 },
  { name: 'head/head-scale-vert', plus: 'more', minus: 'less', sigma: 0.3 },
  { name: 'forehead/forehead-nubian', plus: 'more', minus: 'less', sigma: 0.35 },
  { name: 'forehead/forehead-scale-vert', plus: 'more', minus: 'less', sigma: 0.35 },
  { name: 'forehead/forehead-temple', plus: 'out', minus: 'in', sigma: 0.35 },
  { name: 'forehead/forehead-trans-depth', plus: 'forward', minus: 'backward', sigma: 0.35 },
  { name: 'eyebrows/eyebrows-angle', plus: 'up', minus: 'down', sigma: 0.3 },
  { name: 'eyebrows/eyebrows-trans-depth', plus: 'more', minus: 'less', sigma: 0.3 },
  { name: 'eyebrows/eyebrows-trans-vert', plus: 'more', minus: 'less', sigma: 0.3 },
  { name: 'eyes/eye-bag-height', plus: 'max', minus: 'min', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-bag', plus: 'out', minus: 'in', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-bag', plus: 'max', minus: 'min', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-corner1', plus: 'up', minus: 'down', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-corner2', plus: 'up', minus: 'down', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-epicanthus', plus: 'out', minus: 'in', paired: true, sigma: 0.35 },
  { name: 'eyes/eye-eyefold-angle', plus: 'up', minus: 'down', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-eyefold', plus: 'convex', minus: 'concave', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-eyefold', plus: 'up', minus: 'down', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-height1', plus: 'max', minus: 'min', paired: true, sigma: 0.25 },
  { name: 'eyes/eye-height2', plus: 'max', minus: 'min', paired: true, sigma: 0.25 },
  { name: 'eyes/eye-height3', plus: 'max', minus: 'min', paired: true, sigma: 0.25 },
  { name: 'eyes/eye-move', plus: 'up', minus: 'down', paired: true, sigma: 0.3 },
  { name: 'eyes/eye-move', plus: 'out', minus: 'in', paired: true, sigma: 0.3 },
  { name: 'eyes/eye-push1', plus: 'out', minus: 'in', paired: true, sigma: 0.33 },
  { name: 'eyes/eye-size', plus: 'big', minus: 'small', paired: true, sigma: 0.3 },
  { name: 'nose/nose-compression', plus: 'uncompress', minus: 'compress', sigma: 0.2 },
  { name: 'nose/nose-curve', plus: 'convex', minus: 'concave', sigma: 0.38 },
  { name: 'nose/nose-flaring', plus: 'incr', minus: 'decr', sigma: 0.38 },
  { name: 'nose/nose-greek', plus: 'moregreek', minus: 'lessgreek', sigma: 0.38 },
  { name: 'nose/nose-height', plus: 'max', minus: 'min', sigma: 0.38 },
  { name: 'nose/nose-hump', plus: 'morehump', minus: 'lesshump', sigma: 0.38 },
  { name: 'nose/nose-nostril-width', plus: 'max', minus: 'min', sigma: 0.38 },
  { name: 'nose/nose-nostrils-angle', plus: 'up', minus: 'down', sigma: 0.38 },
  { name: 'nose/nose-point', plus: 'up', minus: 'down', sigma: 0.38 },
  { name: 'nose/nose-point-width', plus: 'more', minus: 'less', sigma: 0.38 },
  { name: 'nose/nose-scale-depth', plus: 'incr', minus: 'decr', sigma: 0.3 },
  { name: 'nose/nose-scale-horiz', plus: 'incr', minus: 'decr', sigma: 0.3 },
  { name: 'nose/nose-scale-vert', plus: 'incr', minus: 'decr', sigma: 0.3 },
  { name: 'nose/nose-septumangle', plus: 'incr', minus: 'decr', sigma: 0.38 },
  { name: 'nose/nose-trans-depth', plus: 'forward', minus: 'backward', sigma: 0.25 },
  { name: 'nose/nose-trans-vert', plus: 'up', minus: 'down', sigma: 0.25 },
  { name: 'nose/nose-volume', plus: 'potato', minus: 'point', sigma: 0.38 },
  { name: 'nose/nose-width1', plus: 'max', minus: 'min', sigma: 0.38 },
  { name: 'nose/nose-width2', plus: 'max', minus: 'min', sigma: 0.38 },
  { name: 'nose/nose-width3', plus: 'max', minus: 'min', sigma: 0.38 },
  { name: 'mouth/mouth-angles', plus: 'up', minus: 'down', sigma: 0.36 },
  { name: 'mouth/mouth-cupidsbow', plus: 'incr', minus: 'decr', sigma: 0.36 },
  { name: 'mouth/mouth-cupidsbow-width', plus: 'max', minus: 'min', sigma: 0.36 },
  { name: 'mouth/mouth-dimples', plus: 'out', minus: 'in', sigma: 0.36 },
  { name: 'mouth/mouth-laugh-lines', plus: 'out', minus: 'in', sigma: 0.5 },
  { name: 'mouth/mouth-lowerlip-ext', plus: 'up', minus: 'down', sigma: 0.36 },
  { name: 'mouth/mouth-lowerlip-height', plus: 'max', minus: 'min', sigma: 0.3 },
  { name: 'mouth/mouth-lowerlip-middle', plus: 'up', minus: 'down', sigma: 0.36 },
  { name: 'mouth/mouth-lowerlip-volume', plus: 'inflate', minus: 'deflate', sigma: 0.36 },
  { name: 'mouth/mouth-lowerlip-width', plus: 'max', minus: 'min', sigma: 0.36 },
  { name: 'mouth/mouth-philtrum-volume', plus: 'increase', minus: 'decrease', sigma: 0.36 },
  { name: 'mouth/mouth-scale-depth', plus: 'incr', minus: 'decr', sigma: 0.3 },
  { name: 'mouth/mouth-scale-horiz', plus: 'incr', minus: 'decr', sigma: 0.3 },
  { name: 'mouth/mouth-scale-vert', plus: 'incr', minus: 'decr', sigma: 0.3 },
  { name: 'mouth/mouth-trans', plus: 'forward', minus: 'backward', sigma: 0.25 },
  { name: 'mouth/mouth-trans', plus: 'up', minus: 'down', sigma: 0.25 },
  { name: 'mouth/mouth-upperlip-ext', plus: 'up', minus: 'down', sigma: 0.36 },
  { name: 'mouth/mouth-upperlip-height', plus: 'max', minus: 'min', sigma: 0.3 },
  { name: 'mouth/mouth-upperlip-middle', plus: 'up', minus: 'down', sigma: 0.36 },
  { name: 'mouth/mouth-upperlip-volume', plus: 'inflate', minus: 'deflate', sigma: 0.36 },
  { name: 'mouth/mouth-upperlip-width', plus: 'max', minus: 'min', sigma: 0.36 },
  { name: 'chin/chin-bones', plus: 'out', minus: 'in', sigma: 0.36 },
  { name: 'chin/chin-cleft', plus: 'out', minus: 'in', sigma: 0.36 },
  { name: 'chin/chin-height', plus: 'max', minus: 'min', sigma: 0.36 },
  { name: 'chin/chin-jaw-drop', plus: 'more', minus: 'less', sigma: 0.25 },
  { name: 'chin/chin-prognathism', plus: 'more', minus: 'less', sigma: 0.25 },
  { name: 'chin/chin-prominent', plus: 'more', minus: 'less', sigma: 0.36 },
  { name: 'chin/chin-width', plus: 'max', minus: 'min', sigma: 0.36 },
  { name: 'cheek/cheek-bones', plus: 'out', minus: 'in', paired: true, sigma: 0.4 },
  { name: 'cheek/cheek-inner', plus: 'inflate', minus: 'deflate', paired: true, sigma: 0.4 },
  { name: 'cheek/cheek-trans-vert', plus: 'up', minus: 'down', paired: true, sigma: 0.4 },
  { name: 'cheek/cheek-volume', plus: 'inflate', minus: 'deflate', paired: true, sigma: 0.4 },
];

/** Sliders with one end. */
const ONE_SIDED: readonly string[] = [
  'head/head-diamond',
  'head/head-fat',
  'head/head-invertedtriangular',
  'head/head-oval',
  'head/head-rectangular',
  'head/head-round',
  'head/head-skinny',
  'head/head-square',
  'head/head-triangular',
  'chin/chin-triangle',
];

/** Pairs of targets that make one side of the face differ from the other (`-l`, `-r`). */
const ASYMMETRIES: readonly string[] = [
  'asym/asym-brown-1',
  'asym/asym-brown-2',
  'asym/asym-cheek-1',
  'asym/asym-cheek-2',
  'asym/asym-eye-1',
  'asym/asym-eye-2',
  'asym/asym-eye-3',
  'asym/asym-eye-4',
  'asym/asym-eye-5',
  'asym/asym-eye-6',
  'asym/asym-eye-7',
  'asym/asym-eye-8',
  'asym/asym-jaw-1',
  'asym/asym-jaw-2',
  'asym/asym-jaw-3',
  'asym/asym-mouth-1',
  'asym/asym-mouth-2',
  'asym/asym-nose-1',
  'asym/asym-nose-2',
  'asym/asym-nose-3',
  'asym/asym-nose-4',
  'asym/asym-temple-1',
  'asym/asym-temple-2',
  'asym/asym-top-1',
  'asym/asym-top-2',
];

/** Scales the sliders' spreads: 1 gives monsters, 0.55 people. */
export const IDENTITY_DETAIL = 0.55;
const ONE_SIDED_CHANCE = 0.25;
const ONE_SIDED_MAX = 0.6;
const ASYMMETRY_SIGMA = 0.18;
const ASYMMETRY_MAX = 0.6;
const CHILD_CHANCE = 0.12;
const RACES = ['african', 'asian', 'caucasian'] as const;

function targetNames({ name, paired }: Slider, end: string): string[] {
  if (paired === undefined) return [`${name}-${end}`];
  const [group, base] = name.split('/');
  return [`${group}/l-${base}-${end}`, `${group}/r-${base}-${end}`];
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, -limit), limit);
}

/**
 * Draws one person.
 * @returns target name -> weight, to be added to MakeHuman's base mesh. It may name macro targets that are not in the data (a
 * child without averaged muscles, say); `known` filters them.
 */
export function sampleIdentity(random: Random, known: (target: string) => boolean): Map<string, number> {
  const weights = new Map<string, number>();
  const put = (name: string, weight: number): void => {
    if (weight !== 0 && known(name)) weights.set(name, (weights.get(name) ?? 0) + weight);
  };
  const shares = RACES.map(() => random.gamma(0.45));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const male = random.beta(0.35, 0.35);
  const ages: [string, number][] = [];
  if (random.uniform() < CHILD_CHANCE) {
    const child = 0.15 + 0.6 * random.uniform();
    ages.push(['child', child], ['young', 1 - child]);
  } else {
    const old = 0.95 * random.beta(0.9, 1.7);
    ages.push(['young', 1 - old], ['old', old]);
  }
  const weight = clamp(random.normal(0, 0.45), 1);
  const muscle = clamp(random.normal(0, 0.4), 1);
  const ends = (kind: string, value: number): [string, number][] => [
    [`average${kind}`, 1 - Math.abs(value)],
    [`max${kind}`, Math.max(value, 0)],
    [`min${kind}`, Math.max(-value, 0)],
  ];
  for (const [age, ageShare] of ages) {
    for (const [gender, genderShare] of [
      ['female', 1 - male],
      ['male', male],
    ] as const) {
      for (const [i, race] of RACES.entries()) {
        put(`macrodetails/${race}-${gender}-${age}`, (ageShare * genderShare * shares[i]) / total);
      }
      for (const [muscleName, muscleShare] of ends('muscle', muscle)) {
        for (const [weightName, weightShare] of ends('weight', weight)) {
          put(
            `macrodetails/universal-${gender}-${age}-${muscleName}-${weightName}`,
            ageShare * genderShare * muscleShare * weightShare,
          );
        }
      }
    }
  }
  for (const slider of SLIDERS) {
    const value = clamp(random.normal(0, slider.sigma * IDENTITY_DETAIL), 1);
    for (const name of targetNames(slider, value > 0 ? slider.plus : slider.minus)) put(name, Math.abs(value));
  }
  for (const name of ONE_SIDED) {
    if (random.uniform() < ONE_SIDED_CHANCE) put(name, ONE_SIDED_MAX * IDENTITY_DETAIL * random.uniform());
  }
  for (const name of ASYMMETRIES) {
    const value = clamp(random.normal(0, ASYMMETRY_SIGMA * IDENTITY_DETAIL), ASYMMETRY_MAX);
    put(`${name}-${value > 0 ? 'l' : 'r'}`, Math.abs(value));
  }
  return weights;
}
