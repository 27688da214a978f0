import type { Op } from "../../core/ops/op.ts";
import { compareTexts } from "./sorted-set.ts";

/** The versions of ops. */
export class MemoryOps {
  /** The first version first. */
  readonly #versions = new Map<string, readonly Op[]>();
  readonly #lastVersions = new Map<string, number>();

  /** A version of an op, or the latest for 0. */
  get(namespace: string, name: string, version: number): Op | undefined {
    const versions = this.versions(namespace, name);
    return version === 0 ? versions.at(-1) : versions.find((op) => op.version === version);
  }

  versions(namespace: string, name: string): readonly Op[] {
    return this.#versions.get(`${namespace}/${name}`) ?? [];
  }

  /** The highest version that an op has ever had; 0 for none. */
  lastVersion(namespace: string, name: string): number {
    return this.#lastVersions.get(`${namespace}/${name}`) ?? 0;
  }

  /** The latest version that has this name of its own. */
  named(namespace: string, name: string, versionName: string): Op | undefined {
    if (versionName === "") return undefined;
    return this.versions(namespace, name).findLast((op) => op.versionName === versionName);
  }

  /** All of them, by name, the latest version first. */
  all(): readonly Op[] {
    return [...this.#versions.values()].flat().sort(byPlace);
  }

  add(op: Op): void {
    const { namespace, name, version } = op;
    const versions = [...this.versions(namespace, name), op].sort(
      (one, other) => one.version - other.version,
    );
    this.#versions.set(`${namespace}/${name}`, versions);
    const last = Math.max(this.lastVersion(namespace, name), version);
    this.#lastVersions.set(`${namespace}/${name}`, last);
  }

  remove({ namespace, name, version }: Pick<Op, "namespace" | "name" | "version">): void {
    const staying = this.versions(namespace, name).filter((op) => op.version !== version);
    this.#versions.set(`${namespace}/${name}`, staying);
  }
}

/** The order of the list of ops. */
export function byPlace(one: Pick<Op, "name" | "version">, other: Pick<Op, "name" | "version">): number {
  return compareTexts(one.name, other.name) || other.version - one.version;
}
