import type { AnyDesc, DescFile, DescService } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.ts";
import * as v1 from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "../../../gen/grpc/reflection/v1alpha/reflection_pb.ts";

/** A question as both versions of the protocol put it: their messages differ only in their package. */
type Question =
  | {
      readonly case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType";
      readonly value: string;
    }
  | { readonly case: "fileContainingExtension"; readonly value: ExtensionName }
  | { readonly case: "listServices"; readonly value: string }
  | { readonly case: undefined; readonly value?: undefined };

interface ExtensionName {
  readonly containingType: string;
  readonly extensionNumber: number;
}

/** An answer as both versions of the protocol take it. */
type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

/** Everything that can be asked about, by its name. */
interface Index {
  readonly serviceNames: readonly string[];
  readonly fileByName: ReadonlyMap<string, DescFile>;
  readonly fileBySymbol: ReadonlyMap<string, DescFile>;
  /** The files of a message's extensions, by the extension's number. */
  readonly extensionsByType: ReadonlyMap<string, ReadonlyMap<number, DescFile>>;
}

/**
 * Serves grpc.reflection, in its versions v1 and v1alpha, over these services, all that their files import,
 * and the details of errors. A question that has no answer gets an error frame, and the stream goes on.
 */
export function registerReflection(router: ConnectRouter, services: readonly DescService[]): void {
  const index = indexOf([...services, v1.ServerReflection, v1alpha.ServerReflection]);
  router.service(v1.ServerReflection, { serverReflectionInfo: (questions) => answerEach(index, questions) });
  router.service(v1alpha.ServerReflection, {
    serverReflectionInfo: (questions) => answerEach(index, questions),
  });
}

/** Answers the questions of one stream in their order; `Asked` is the request message of either version. */
async function* answerEach<Asked extends { readonly host: string; readonly messageRequest: Question }>(
  index: Index,
  questions: AsyncIterable<Asked>,
) {
  const sent = new Set<DescFile>();
  for await (const originalRequest of questions) {
    const messageResponse = answerQuestion(index, originalRequest.messageRequest, sent);
    yield { validHost: originalRequest.host, originalRequest, messageResponse };
  }
}

function answerQuestion(index: Index, question: Question, sent: Set<DescFile>): Answer {
  switch (question.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: index.serviceNames.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return sendFile(index.fileByName.get(question.value), `file ${question.value}`, sent);
    case "fileContainingSymbol":
      return sendFile(index.fileBySymbol.get(question.value), `symbol ${question.value}`, sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const file = index.extensionsByType.get(containingType)?.get(extensionNumber);
      return sendFile(file, `extension ${extensionNumber} of ${containingType}`, sent);
    }
    case "allExtensionNumbersOfType": {
      const numbers = [...(index.extensionsByType.get(question.value)?.keys() ?? [])];
      return index.fileBySymbol.has(question.value)
        ? {
            case: "allExtensionNumbersResponse",
            value: {
              baseTypeName: question.value,
              extensionNumber: numbers.sort((left, right) => left - right),
            },
          }
        : refuse(Code.NotFound, `type ${question.value} is not known here`);
    }
    case undefined:
      return refuse(
        Code.InvalidArgument,
        "the question is empty, or of a kind that this server does not know",
      );
  }
}

function refuse(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

/** Answers with a file and, before it, those of its imports that this stream has not sent yet. */
function sendFile(file: DescFile | undefined, asked: string, sent: Set<DescFile>): Answer {
  if (file === undefined) {
    return refuse(Code.NotFound, `${asked} is not known here`);
  }
  const files = [file, ...importsOf(file).filter((one) => !sent.has(one))];
  for (const one of files) {
    sent.add(one);
  }
  const fileDescriptorProto = files.map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

/** The files that a file imports, and those that they import, each once. */
function importsOf(file: DescFile): DescFile[] {
  const found = new Set<DescFile>();
  const pending = [...file.dependencies];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!found.has(next)) {
      found.add(next);
      pending.push(...next.dependencies);
    }
  }
  return [...found];
}

function indexOf(services: readonly DescService[]): Index {
  const fileByName = new Map<string, DescFile>();
  const fileBySymbol = new Map<string, DescFile>();
  const extensionsByType = new Map<string, Map<number, DescFile>>();
  // No file imports the details of errors: they travel packed, and clients ask for them by name to show them.
  const roots = [...services.map(({ file }) => file), file_google_rpc_error_details];
  for (const file of new Set([...roots, ...roots.flatMap(importsOf)])) {
    fileByName.set(file.proto.name, file);
    for (const desc of nestedTypes(file)) {
      for (const symbol of symbolsOf(desc)) {
        fileBySymbol.set(symbol, file);
      }
      if (desc.kind === "extension") {
        const files = extensionsByType.get(desc.extendee.typeName) ?? new Map<number, DescFile>();
        extensionsByType.set(desc.extendee.typeName, files.set(desc.number, file));
      }
    }
  }
  const serviceNames = services.map(({ typeName }) => typeName).sort();
  return { serviceNames, fileByName, fileBySymbol, extensionsByType };
}

/** The full names by which a declaration and what it holds can be asked for. */
function symbolsOf(desc: AnyDesc): string[] {
  switch (desc.kind) {
    case "message":
      return [
        desc.typeName,
        ...[...desc.fields, ...desc.oneofs].map(({ name }) => `${desc.typeName}.${name}`),
      ];
    case "service":
      return [desc.typeName, ...desc.methods.map(({ name }) => `${desc.typeName}.${name}`)];
    case "enum": {
      // A value of an enum is named beside the enum, not within it.
      const scope = desc.typeName.slice(0, desc.typeName.length - desc.name.length);
      return [desc.typeName, ...desc.values.map(({ name }) => `${scope}${name}`)];
    }
    case "extension":
      return [desc.typeName];
    default:
      return [];
  }
}
