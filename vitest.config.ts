import { defineConfig } from "vitest/config";

/** One project for each folder of tests that has a question of its own to answer; see CONTRIBUTING.md. */
const projects = [
  { name: "spec" },
  { name: "store", testTimeout: 30_000 },
  { name: "engine" },
  { name: "api" },
  { name: "client" },
  // Real programs, started and killed.
  { name: "executor", testTimeout: 30_000 },
  { name: "house" },
  { name: "guarantees" },
  // Everything in one process, from one seed.
  { name: "simulation", testTimeout: 120_000 },
  { name: "interop", testTimeout: 30_000 },
  // What users of other systems expect, row by row, over the wire.
  { name: "acceptance", testTimeout: 30_000, hookTimeout: 30_000 },
  // The first run, with its processes killed.
  { name: "demo", testTimeout: 60_000 },
  // Real processes under faults: the checkers, and that they bite; `npm run proof` runs the rest.
  { name: "proof", testTimeout: 120_000, hookTimeout: 60_000 },
  // What real processes leave behind: backups made while they work, and what is restored.
  { name: "crash", testTimeout: 120_000, hookTimeout: 60_000 },
];

export default defineConfig({
  test: {
    pool: "forks",
    // Each store has a thread that strips types, which is WebAssembly: where its code is compiled anew while other
    // threads come and go, V8 now and then breaks down (`jit_page.has_value()`).
    execArgv: ["--no-wasm-tier-up", "--no-wasm-dynamic-tiering"],
    maxWorkers: 2,
    projects: projects.map(({ name, testTimeout = 15_000, hookTimeout = 15_000 }) => ({
      extends: true,
      test: { name, include: [`test/${name}/**/*.{test,spec}.ts`], testTimeout, hookTimeout },
    })),
  },
});
