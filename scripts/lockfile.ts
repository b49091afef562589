/** A package as package-lock.json has it. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly licence?: string;
  /** Where it is fetched from; absent for the registry that npm is configured with. */
  readonly resolved?: string;
  /** Checksum of its archive. */
  readonly integrity?: string;
  readonly hasInstallScript: boolean;
  /** Whether only the development of this package needs it. */
  readonly isDevelopment: boolean;
  /** Whether it is for certain systems only; on others npm writes no checksum. */
  readonly isForSomeSystems: boolean;
}

interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly os?: readonly string[];
}

/** Every package of a lockfile but the project itself. */
export function readLockfile(text: string): LockedPackage[] {
  const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, LockEntry>> };
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, entry]) => ({
      name: path.replace(/^.*node_modules\//, ''),
      version: entry.version ?? '',
      ...(entry.license !== undefined && { licence: entry.license }),
      ...(entry.resolved !== undefined && { resolved: entry.resolved }),
      ...(entry.integrity !== undefined && { integrity: entry.integrity }),
      hasInstallScript: entry.hasInstallScript === true,
      isDevelopment: entry.dev === true,
      isForSomeSystems: entry.os !== undefined,
    }));
}

/** The packages that are installed with this one. */
export function productionPackages(packages: readonly LockedPackage[]): LockedPackage[] {
  return packages.filter(({ isDevelopment }) => !isDevelopment);
}

/**
 * What a version of this package installs, as CycloneDX 1.5. `npm sbom --omit dev` leaves out packages that development needs too
 * (seen with npm 11.19: four of thirteen).
 */
export function billOfMaterials(name: string, version: string, packages: readonly LockedPackage[]): object {
  const purl = (packageName: string, packageVersion: string): string =>
    `pkg:npm/${packageName.replace('@', '%40')}@${packageVersion}`;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'library', name, version, purl: purl(name, version) } },
    components: packages.map((one) => ({
      type: 'library',
      name: one.name,
      version: one.version,
      purl: purl(one.name, one.version),
      ...(one.licence !== undefined && { licenses: [{ expression: one.licence }] }),
      ...(one.integrity !== undefined && {
        hashes: [{ alg: 'SHA-512', content: Buffer.from(one.integrity.slice(7), 'base64').toString('hex') }],
      }),
    })),
  };
}
