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

/** What a file declares: the full name of each element, and all about it that shows on the wire. */
type Elements = Map<string, string>;

function addEnum(elements: Elements, scope: string, description: EnumDescriptorProto): void {
  const name = `${scope}.${description.name}`;
  elements.set(name, "enum");
  for (const value of description.value) elements.set(`${name}.${value.name}`, `${value.number}`);
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
    // No other field has the number: a field that only one of two knows is not read as another one.
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
      for (const { name: method, clientStreaming, serverStreaming, inputType, outputType, options } of service.method) {
        const ways = `${clientStreaming ? "stream of " : ""}${inputType} -> ${serverStreaming ? "stream of " : ""}${outputType}`;
        const level = MethodOptions_IdempotencyLevel[options?.idempotencyLevel ?? 0];
        elements.set(`${name}.${method}`, `${ways}, ${level}`);
      }
    }
  }
  return elements;
}

const protos = [...readFiles("proto/flyteidl2/**/*.proto"), ...readFiles("proto/google/rpc/status.proto")].map(
  ({ path }) => path.slice("proto/".length),
);

/** Our own IDL, out of what is generated from it. */
const ours = elementsOf(
  await Promise.all(
    protos.map(async (path) => {
      const module = (await import(`${root}/gen/${path.replace(/\.proto$/, "_pb.ts")}`)) as object;
      const file = Object.entries(module).find(([name]) => name.startsWith("file_"));
      return (file?.[1] as DescFile).proto;
    }),
  ),
);

/** The package for TypeScript. Node strips no types of what is installed, so the descriptors are read out of its text. */
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

const newest = "Python 2.0.53";
const published: Readonly<Record<string, Elements>> = {
  "npm 2.0.16": readPackage(),
  "Python 2.0.20": readData("2.0.20"),
  [newest]: readData("2.0.53"),
};

console.log(ours.size, Object.entries(published).map(([n, e]) => [n, e.size]));
describe.each(Object.entries(published))("the IDL of %s", (_name, theirs) => {
  test("x", () => {
    const different = [...ours].flatMap(([name, words]) => {
      const other = theirs.get(name);
      return other === undefined || other === words ? [] : [`${name}: ${words}; there ${other}`];
    });
    console.log(_name, different.join("\n"));
    console.log(_name, "lacks", [...ours.keys()].filter((name) => !theirs.has(name)).join("\n"));
  });
});
