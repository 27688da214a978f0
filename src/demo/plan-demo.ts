import { output, type PlannedAction } from "../client/client.ts";

/**
 * Up to five attempts: reading and writing files again does no harm, and a worker may be killed on purpose.
 */
const retry = { maxAttempts: 5, initialBackoffMs: 500 } as const;

/**
 * The pipeline over some files of a folder: each is measured, a manifest is written from all, a condition
 * waits for somebody's approval, and only if it is given the manifest is published.
 */
export function planDemo(root: string, paths: readonly string[]): readonly PlannedAction[] {
  const digits = String(paths.length).length;
  const measures = paths.map((path, index) => ({
    name: `measure-${String(index + 1).padStart(digits, "0")}`,
    path,
  }));
  return [
    ...measures.map(({ name, path }) => ({
      name,
      task: { op: "demo.measure", input: { root, path }, retry },
    })),
    {
      name: "manifest",
      task: {
        op: "demo.manifest",
        input: Object.fromEntries(measures.map(({ name }) => [name, output(name)])),
        retry,
      },
    },
    {
      name: "approve",
      condition: { type: "bool", prompt: `Publish the manifest of ${paths.length} files?` },
      dependsOn: ["manifest"],
    },
    {
      name: "publish",
      task: { op: "demo.publish", input: { draft: output("manifest", "draft") }, retry },
      dependsOn: [{ action: "approve", equals: true }],
    },
  ];
}
