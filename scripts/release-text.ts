/** Text changes of a release. */

/** The owner's name until the repository's real address is known. */
const PLACEHOLDER_OWNER = 'OWNER';

/** Fields of a package.json that contain a placeholder address. */
export function placeholdersIn(manifestText: string): string[] {
  const manifest = JSON.parse(manifestText) as Readonly<Record<string, unknown>>;
  return ['repository', 'homepage', 'bugs'].filter((field) =>
    JSON.stringify(manifest[field] ?? '').includes(`/${PLACEHOLDER_OWNER}/`),
  );
}

/**
 * The version after a step.
 * @param step - `major`, `minor`, `patch` or the version itself.
 * @throws RangeError for any other step, or a version that is not newer.
 */
export function nextVersion(current: string, step: string): string {
  const [major, minor, patch] = numbersOf(current);
  if (step === 'major') return `${major + 1}.0.0`;
  if (step === 'minor') return `${major}.${minor + 1}.0`;
  if (step === 'patch') return `${major}.${minor}.${patch + 1}`;
  const wanted = numbersOf(step);
  const change = wanted[0] - major || wanted[1] - minor || wanted[2] - patch;
  if (change <= 0) throw new RangeError(`version: expected one after ${current}, got ${step}`);
  return step;
}

function numbersOf(version: string): [major: number, minor: number, patch: number] {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? [];
  if (patch === undefined) throw new RangeError(`version: expected major, minor, patch or X.Y.Z, got '${version}'`);
  return [Number(major), Number(minor), Number(patch)];
}

/**
 * A changelog in which the section of a version has a date instead of "Unreleased".
 * @param date - YYYY-MM-DD.
 * @throws RangeError if there is no such section, or it is empty.
 */
export function datedChangelog(text: string, version: string, date: string): string {
  const heading = `## [${version}] - Unreleased\n`;
  const start = text.indexOf(heading);
  if (start === -1) throw new RangeError(`CHANGELOG.md has no section "${heading.trim()}"`);
  const rest = text.slice(start + heading.length);
  const end = rest.indexOf('\n## [');
  if (!/^- /m.test(end === -1 ? rest : rest.slice(0, end))) {
    throw new RangeError(`CHANGELOG.md has nothing about ${version}`);
  }
  return text.replace(heading, `## [${version}] - ${date}\n`);
}
