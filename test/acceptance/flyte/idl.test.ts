import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type DescFile, fromBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel,
} from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { readFiles, root } from "../../house/tree.ts";

/**
 * What files declare: the full name of each element with all about it that shows on the wire, and the number
 * of each field and value with its name, so that one that only one of two knows is not read as another one.
 */
type Elements = Map<string, string>;

function addEnum(elements: Elements, scope: string, description: EnumDescriptorProto): void {
  const name = `${scope}.${description.name}`;
  elements.set(name, "enum");
  for (const value of description.value) {
    elements.set(`${name}.${value.name}`, `${value.number}`);
    elements.set(`${name}.${value.number}`, value.name);
  }
}

function addMessage(elements: Elements, scope: string, message: DescriptorProto): void {
  const name = `${scope}.${message.name}`;
  elements.set(name, message.options?.mapEntry === true ? "map entry" : "message");
  for (const field of message.field) {
    const type = field.typeName === "" ? FieldDescriptorProto_Type[field.type] : field.typeName;
    const label = field.proto3Optional ? "OPTIONAL, said" : FieldDescriptorProto_Label[field.label];
    const isInOneof = !field.proto3Optional && Object.hasOwn(field, "oneofIndex");
    const oneof = isInOneof ? `, of ${message.oneofDecl[field.oneofIndex]?.name}` : "";
    const old = field.options?.deprecated === true ? ", deprecated" : "";
    // Generators leave out the JSON name where it follows from the name.
    const usual = field.name.replace(/_+(.)/g, (_match, letter: string) => letter.toUpperCase());
    const json = field.jsonName === "" || field.jsonName === usual ? "" : `, in JSON ${field.jsonName}`;
    elements.set(`${name}.${field.name}`, `${field.number} ${label} ${type}${oneof}${old}${json}`);
    elements.set(`${name}.${field.number}`, field.name);
  }
  for (const nested of message.enumType) addEnum(elements, name, nested);
  for (const nested of message.nestedType) addMessage(elements, name, nested);
}

function elementsOf(files: readonly FileDescriptorProto[]): Elements {
  const elements: Elements = new Map();
  for (const file of files) {
    for (const description of file.enumType) addEnum(elements, file.package, description);
    for (const message of file.messageType) addMessage(elements, file.package, message);
    for (const service of file.service) {
      const name = `${file.package}.${service.name}`;
      elements.set(name, "service");
      for (const method of service.method) {
        const input = `${method.clientStreaming ? "stream of " : ""}${method.inputType}`;
        const output = `${method.serverStreaming ? "stream of " : ""}${method.outputType}`;
        const level = MethodOptions_IdempotencyLevel[method.options?.idempotencyLevel ?? 0];
        elements.set(`${name}.${method.name}`, `rpc ${input} -> ${output}, ${level}`);
      }
    }
  }
  return elements;
}

const protos = [
  ...readFiles("proto/flyteidl2/**/*.proto"),
  ...readFiles("proto/google/rpc/status.proto"),
].map(({ path }) => path.slice("proto/".length));

/** Our own IDL, out of what is generated from it. */
const ours = elementsOf(
  await Promise.all(
    protos.map(async (path) => {
      const module = (await import(`${root}/gen/${path.replace(/\.proto$/, "_pb.ts")}`)) as object;
      const file = Object.entries(module).find(([name]) => name.startsWith("file_"))?.[1] as DescFile;
      return file.proto;
    }),
  ),
);

/**
 * The package for TypeScript. Node strips no types of what is installed, so the descriptors are read out of
 * its text. It has `google.rpc.Status` too, which one of our messages needs.
 */
function readPackage(): Elements {
  const folder = dirname(createRequire(import.meta.url).resolve("@flyteorg/flyteidl2/package.json"));
  const files = protos.flatMap((path) => {
    let text: string;
    try {
      text = readFileSync(join(folder, path.replace(/\.proto$/, "_pb.ts")), "utf8");
    } catch {
      return [];
    }
    const packed = /\bfileDesc\("([^"]+)"/.exec(text)?.[1] ?? "";
    return [fromBinary(FileDescriptorProtoSchema, Buffer.from(packed, "base64"))];
  });
  return elementsOf(files);
}

/** The package for Python, as data/describe.py wrote it down. */
function readData(version: string): Elements {
  const path = join(import.meta.dirname, "data", `flyteidl2-${version}.binpb.gz`);
  return elementsOf(fromBinary(FileDescriptorSetSchema, gunzipSync(readFileSync(path))).file);
}

const newest = readData("2.0.53");

/** The packages, and where they differ from ours: in names of old, never on the wire. */
const published: readonly { version: string; theirs: Elements; renamed: readonly string[] }[] = [
  {
    version: "npm 2.0.16",
    theirs: readPackage(),
    renamed: [
      "flyteidl2.dataproxy.TailLogsRequest.pod_name: 3 OPTIONAL STRING, of pod_selector; there 3 OPTIONAL STRING",
      "flyteidl2.task.RunSpec.6: queue; there cluster",
      "flyteidl2.workflow.TaskAction.4: queue; there cluster",
    ],
  },
  {
    version: "Python 2.0.20",
    theirs: readData("2.0.20"),
    renamed: [
      "flyteidl2.task.RunSpec.6: queue; there cluster",
      "flyteidl2.workflow.TaskAction.4: queue; there cluster",
    ],
  },
  { version: "Python 2.0.53", theirs: newest, renamed: [] },
];

/** The name that something stands under. */
function scopeOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}

/** The elements of the newest package that ours leaves out of what it has. */
const leftOut = [...newest].flatMap(([name, words]) => {
  const scope = ours.get(scopeOf(name));
  return ours.has(name) || scope === undefined || /\.\d+$/.test(name) ? [] : [{ name, words, scope }];
});

describe("our IDL for Flyte", () => {
  test.each(published)("agrees with $version in all that both have", ({ theirs, renamed }) => {
    const different = [...ours].flatMap(([name, words]) => {
      const other = theirs.get(name);
      return other === undefined || other === words ? [] : [`${name}: ${words}; there ${other}`];
    });
    const shared = [...ours.keys()].filter((name) => theirs.has(name));
    expect(different).toEqual(renamed);
    expect(shared.length).toBeGreaterThan(1000);
  });

  test("has nothing that is in no package", () => {
    const invented = [...ours.keys()].filter((name) => published.every(({ theirs }) => !theirs.has(name)));
    expect(invented).toEqual([]);
  });

  test("has nothing that the newest package has no more", () => {
    const gone = [...ours.keys()].filter((name) => name.startsWith("flyteidl2.") && !newest.has(name));
    expect(gone).toEqual([]);
  });

  test("has every value of each enum", () => {
    expect(leftOut.filter(({ scope }) => scope === "enum").map(({ name }) => name)).toEqual([]);
  });

  test("leaves out these calls of its services", () => {
    expect(leftOut.filter(({ scope }) => scope === "service").map(({ name }) => name)).toEqual([
      "flyteidl2.task.TaskService.ListVersions",
      "flyteidl2.workflow.RunService.GetActionData",
      "flyteidl2.workflow.RunService.WatchClusterEvents",
      "flyteidl2.workflow.RunService.WatchGroups",
    ]);
  });

  // Whoever sends one of them is read as one who said nothing.
  test("leaves out these choices of a oneof", () => {
    expect(leftOut.filter(({ words }) => /, of \w/.test(words)).map(({ name }) => name)).toEqual([
      "flyteidl2.cluster.SelectClusterRequest.app_id",
      "flyteidl2.core.Parameter.artifact_query",
      "flyteidl2.core.Parameter.artifact_id",
      "flyteidl2.core.Scalar.schema",
      "flyteidl2.core.TaskTemplate.sql",
      "flyteidl2.core.LiteralType.schema",
      "flyteidl2.dataproxy.CreateDownloadLinkRequest.app_id",
      "flyteidl2.task.RunSpec.notification_rule_name",
      "flyteidl2.task.RunSpec.notification_rules",
    ]);
  });
});
