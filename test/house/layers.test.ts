import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { importsOf, readFiles, type SourceFile } from "./tree.ts";

const wire = [
  "@bufbuild/protobuf",
  "@bufbuild/protovalidate",
  "@connectrpc/connect",
  "@connectrpc/connect-node",
];

/**
 * What each layer may import: other layers, packages, and whether Node's own modules. A layer is a folder of
 * `src/`; `limits` and `configuration` are the files of these names, and `main` is every other file right
 * under `src/`.
 */
const layers: Readonly<Record<string, { layers: string[]; packages: string[]; node: boolean }>> = {
  limits: { layers: [], packages: [], node: false },
  core: { layers: ["limits"], packages: [], node: false },
  observe: { layers: [], packages: ["pino"], node: true },
  store: { layers: ["core", "limits", "observe"], packages: [], node: true },
  engine: { layers: ["store", "core", "limits", "observe"], packages: [], node: true },
  // The api reads from the store that the engine shows it; a test of its own says that it never writes.
  api: {
    layers: ["engine", "store", "core", "limits", "observe", "gen"],
    // CEL and its regular expressions are for the expressions of filters.
    packages: [...wire, "@bufbuild/cel", "@bufbuild/re2", "@nats-io/jetstream", "@nats-io/transport-node"],
    node: true,
  },
  client: { layers: ["gen"], packages: wire, node: true },
  worker: { layers: ["client", "gen"], packages: wire, node: true },
  // Holds a deployment against its promises from outside: it sees what a client sees.
  verify: { layers: ["client"], packages: [], node: true },
  configuration: { layers: ["limits", "observe"], packages: [], node: true },
  main: {
    layers: ["api", "engine", "store", "core", "limits", "configuration", "observe"],
    packages: [],
    node: true,
  },
  // Spawns what a worker's config allows; it is a worker itself, and knows no more than the SDK shows.
  executor: { layers: ["worker", "client", "gen"], packages: wire, node: true },
  // A server that lies, on a wire of its own: what the real one would correct must reach the worker.
  conformance: { layers: ["gen"], packages: wire, node: true },
  cli: {
    layers: ["client", "worker", "executor", "conformance", "verify", "main", "configuration"],
    packages: [],
    node: true,
  },
  // The demo runs the whole as a user would, and ends its processes with itself.
  demo: { layers: ["client", "worker", "main"], packages: [], node: true },
};

function layerOf(path: string): string {
  const [top = "", second = "", ...rest] = path.split("/");
  if (top !== "src") return top;
  if (rest.length > 0) return second;
  if (second === "limits.ts") return "limits";
  return second.startsWith("configuration") ? "configuration" : "main";
}

/** What one import of a file breaks, or undefined. */
function judge(file: SourceFile, from: string): string | undefined {
  const layer = layerOf(file.path);
  const may = layers[layer];
  if (may === undefined) return `${layer} is a layer that this test does not know`;
  if (from.startsWith("node:")) return may.node ? undefined : `${layer} may not import Node's modules`;
  if (!from.startsWith(".")) {
    const name = from.split("/", from.startsWith("@") ? 2 : 1).join("/");
    if (!may.packages.includes(name)) return `${layer} may not import ${name}`;
    return name in packageJson.dependencies ? undefined : `${name} is not among the dependencies`;
  }
  const target = posix.join(posix.dirname(file.path), from);
  if (!/\.(ts|json)$/.test(target)) return "a relative import names its file with its ending";
  const other = layerOf(target);
  if (other === layer || may.layers.includes(other)) return undefined;
  return `${layer} may not import ${other}`;
}

const sources = readFiles("src/**/*.ts");

describe("the layers", () => {
  test("are imported only as the table allows", () => {
    const broken = sources.flatMap((file) =>
      importsOf(file).flatMap(({ from, line }) => {
        const fault = judge(file, from);
        return fault === undefined ? [] : [`${file.path}:${line} imports ${from}: ${fault}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  test("have no circle in their table", () => {
    const isAbove = (upper: string, lower: string): boolean =>
      layers[upper]?.layers.some((next) => next === lower || isAbove(next, lower)) ?? false;
    expect(Object.keys(layers).filter((layer) => isAbove(layer, layer))).toEqual([]);
  });

  test("above the store know its interface only; an implementation is for main to choose", () => {
    const broken = sources.flatMap((file) =>
      ["store", "main"].includes(layerOf(file.path))
        ? []
        : importsOf(file)
            .filter(({ from }) => /(^|\/)store\/(embedded|memory|postgres)\//.test(from))
            .map(({ from, line }) => `${file.path}:${line} imports ${from}`),
    );
    expect(broken).toEqual([]);
  });

  test("but the engine write nothing: only it hands a command to a store", () => {
    const writing = sources.filter(
      (file) => !["engine", "store"].includes(layerOf(file.path)) && /\.transact\b/.test(file.text),
    );
    expect(writing.map((file) => file.path)).toEqual([]);
  });

  test("have no barrels: an import names the file that has the thing", () => {
    expect(sources.filter((file) => /(^|\/)index\.ts$/.test(file.path)).map((file) => file.path)).toEqual([]);
    const passesAllOn = ({ text }: SourceFile): boolean => {
      const statements = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "").trim();
      return (
        /^export \*/m.test(statements) || /^(export (type )?\{[^}]*\} from "[^"]*";\s*)+$/.test(statements)
      );
    };
    const doors = ["src/client/client.ts", "src/worker/worker.ts"];
    const barrels = sources.filter(passesAllOn).map((file) => file.path);
    expect(barrels.filter((path) => !doors.includes(path))).toEqual([]);
  });
});

test.each([
  {
    given: "a core file that reads a clock",
    path: "src/core/a.ts",
    from: "node:timers",
    gives: /may not import Node/,
  },
  {
    given: "an engine file that sees messages",
    path: "src/engine/a.ts",
    from: "../../gen/a_pb.ts",
    gives: /gen/,
  },
  {
    given: "a demo that reaches into the store",
    path: "src/demo/a.ts",
    from: "../store/store.ts",
    gives: /store/,
  },
  { given: "a client that brings the rules", path: "src/client/a.ts", from: "../core/a.ts", gives: /core/ },
  { given: "an import without its ending", path: "src/core/a.ts", from: "./name", gives: /ending/ },
])("the table refuses $given", ({ path, from, gives }) => {
  expect(judge({ path, text: "" }, from)).toMatch(gives);
});
