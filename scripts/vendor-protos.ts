/**
 * Prints `.proto-deps/buf/validate/validate.proto`, which our protos import, out of the descriptor that the
 * `@bufbuild/protovalidate` package carries, so that buf needs no schema registry.
 *
 * What a compiler needs is printed: messages, enums, fields with their numbers and labels, oneofs, extension
 * ranges and extensions. Comments and option values are left out; the runtime uses the package's own copy of
 * them.
 *
 * Usage: node scripts/vendor-protos.ts [FOLDER], by default `.proto-deps` beside `proto`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DescEnum, DescExtension, DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Label as Label } from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** The name by which a field's type is written in a proto file. */
function typeName(field: DescField | DescExtension): string {
  if (field.fieldKind === "map") {
    const value =
      field.mapKind === "scalar" ? ScalarType[field.scalar].toLowerCase() : `.${mapValueName(field)}`;
    return `map<${ScalarType[field.mapKey].toLowerCase()}, ${value}>`;
  }
  if (field.message !== undefined) return `.${field.message.typeName}`;
  if (field.enum !== undefined) return `.${field.enum.typeName}`;
  return ScalarType[field.scalar].toLowerCase();
}

function mapValueName(field: DescField & { fieldKind: "map" }): string {
  return (field.message ?? field.enum)?.typeName ?? "";
}

function printField(field: DescField | DescExtension, proto2: boolean): string {
  const isMap = field.fieldKind === "map";
  const inOneof = field.kind === "field" && field.oneof !== undefined;
  let label = "";
  if (!isMap && !inOneof) {
    if (field.proto.label === Label.REPEATED) label = "repeated ";
    else if (field.proto.label === Label.REQUIRED) label = "required ";
    else if (proto2 || field.proto.proto3Optional) label = "optional ";
  }
  return `${label}${typeName(field)} ${field.name} = ${field.number};`;
}

function printEnum(description: DescEnum): string[] {
  const values = description.values.map((value) => `${value.name} = ${value.number};`);
  const alias = description.proto.options?.allowAlias === true ? ["option allow_alias = true;"] : [];
  return [`enum ${description.name} {`, ...indent([...alias, ...values]), "}"];
}

function printExtensions(extensions: readonly DescExtension[], proto2: boolean): string[] {
  return extensions.flatMap((extension) => [
    `extend .${extension.extendee.typeName} {`,
    ...indent([printField(extension, proto2)]),
    "}",
  ]);
}

function printMessage(message: DescMessage, proto2: boolean): string[] {
  const body: string[] = [];
  for (const member of message.members) {
    if (member.kind === "field") {
      body.push(printField(member, proto2));
    } else {
      body.push(
        `oneof ${member.name} {`,
        ...indent(member.fields.map((field) => printField(field, proto2))),
        "}",
      );
    }
  }
  // A descriptor's range ends before `end`; a proto file names the last number that belongs to it.
  for (const { start, end } of message.proto.extensionRange) {
    body.push(`extensions ${start} to ${end > 536_870_911 ? "max" : end - 1};`);
  }
  for (const { start, end } of message.proto.reservedRange) body.push(`reserved ${start} to ${end - 1};`);
  for (const name of message.proto.reservedName) body.push(`reserved "${name}";`);
  body.push(...message.nestedEnums.flatMap(printEnum));
  body.push(...message.nestedMessages.flatMap((nested) => printMessage(nested, proto2)));
  body.push(...printExtensions(message.nestedExtensions, proto2));
  return [`message ${message.name} {`, ...indent(body), "}"];
}

function printFile(file: DescFile): string {
  const proto2 = file.proto.syntax !== "proto3";
  const lines = [
    "// Printed by scripts/vendor-protos.ts. Not for editing.",
    `syntax = "${proto2 ? "proto2" : "proto3"}";`,
    `package ${file.proto.package};`,
    ...file.proto.dependency.map((path) => `import "${path}";`),
    ...(file.proto.options?.goPackage ? [`option go_package = "${file.proto.options.goPackage}";`] : []),
    ...file.enums.flatMap(printEnum),
    ...file.messages.flatMap((message) => printMessage(message, proto2)),
    ...printExtensions(file.extensions, proto2),
  ];
  return `${lines.join("\n")}\n`;
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

const file: DescFile = file_buf_validate_validate;
const path = join(process.argv[2] ?? join(import.meta.dirname, "../.proto-deps"), file.proto.name);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, printFile(file));
