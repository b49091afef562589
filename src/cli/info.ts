import type { Command } from 'commander';
import { openPack } from '../engine/weights/open-pack.ts';
import { printable } from '../errors.ts';
import { DEFAULT_BACKEND } from '../face-aligner.ts';
import { packageVersion } from '../package-files.ts';
import { type BackendState, backendStates } from './backend-states.ts';
import { describeError } from './describe-error.ts';
import { type FoundPack, HOW_TO_GET_A_PACK, listPacks } from './find-pack.ts';
import type { Terminal } from './terminal.ts';

/** What `tddfa info --json` prints. */
interface Info {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  /** The backends that work here. */
  readonly backends: readonly string[];
  /** The others: why not, and the command that makes each work, if there is one. */
  readonly otherBackends: readonly BackendState[];
  readonly defaultBackend: string;
  readonly packs: readonly PackInfo[];
}

interface PackInfo {
  readonly location: string;
  readonly foundBy: FoundPack['foundBy'];
  readonly name?: string;
  readonly models: readonly { readonly name: string; readonly role: string; readonly licence: string }[];
  /** Why the pack cannot be used. */
  readonly error?: string;
}

/** Registers `tddfa info`. */
export function registerInfo(program: Command, terminal: Terminal): void {
  program
    .command('info')
    .description(
      'print versions, which backends work here and how to fix the others, packs and their licences; for bug reports',
    )
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }) => {
      const info = await collectInfo(terminal);
      terminal.stdout.write(json ? `${JSON.stringify(info, null, 2)}\n` : formatInfo(info));
    });
}

async function collectInfo(terminal: Terminal): Promise<Info> {
  const packs = await listPacks(terminal.env);
  const states = await backendStates();
  return {
    version: packageVersion(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    backends: states.flatMap(({ backend, reason }) => (reason === undefined ? [backend] : [])),
    otherBackends: states.filter(({ reason }) => reason !== undefined),
    defaultBackend: DEFAULT_BACKEND,
    packs: await Promise.all(packs.map(describePack)),
  };
}

async function describePack({ source, location, foundBy }: FoundPack): Promise<PackInfo> {
  try {
    const { manifest } = await openPack(source);
    const models = manifest.models.map(({ name, role, licence }) => ({ name, role, licence: licence.name }));
    return { location, foundBy, name: manifest.name, models };
  } catch (error) {
    return { location, foundBy, models: [], error: describeError(error) };
  }
}

function formatInfo({ version, node, platform, backends, otherBackends, defaultBackend, packs }: Info): string {
  const states = [
    ...backends.map((name) => [name, name === defaultBackend ? 'works (default)' : 'works'] as const),
    ...otherBackends.map(
      ({ backend, reason, command }) =>
        [backend, `does not work here: ${reason}${command === undefined ? '' : `; ${command}`}`] as const,
    ),
  ];
  const lines = [
    `tddfa     ${version}`,
    `Node      ${node}, ${platform}`,
    ...states.map(([name, state], i) => `${i === 0 ? 'backends' : ''}`.padEnd(10) + name.padEnd(12) + state),
  ];
  if (packs.length === 0) lines.push(`packs     none: ${HOW_TO_GET_A_PACK}`);
  for (const [index, { location, foundBy, name, models, error }] of packs.entries()) {
    lines.push(
      `${index === 0 ? 'packs     ' : '          '}${name ?? 'unreadable'}  ${printable(location)}  (${foundBy})`,
    );
    if (error !== undefined) lines.push(`            ${error}`);
    for (const model of models) lines.push(`            ${model.name}  ${model.role}  ${model.licence}`);
  }
  return `${lines.join('\n')}\n`;
}
