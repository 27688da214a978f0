import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { status } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../gen/grpc/health/v1/health_pb.ts";
import type {
  ServerReflectionRequestSchema,
  ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { OpService } from "../../gen/signalbox/v1/op_service_pb.ts";
import { registerHealth, ServiceHealth } from "../../src/api/carrier/health.ts";
import { registerReflection } from "../../src/api/carrier/reflection.ts";
import { collect, openCarrier } from "../support/carrier.ts";
import { grpcJsClient } from "../support/grpc-js.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;

async function openHealth() {
  const health = new ServiceHealth([OpService]);
  const carrier = await openCarrier((router, stopping) => registerHealth(router, health, stopping));
  const client = createClient(Health, createGrpcTransport({ baseUrl: carrier.address.url }));
  return { health, carrier, client };
}

describe("health", () => {
  test.each([
    { of: "the whole server", service: "" },
    { of: "a service", service: "signalbox.v1.OpService" },
  ])("of $of is SERVING, and NOT_SERVING once the server says so", async ({ service }) => {
    const { client, health } = await openHealth();
    expect(await client.check({ service })).toMatchObject({ status: SERVING });
    health.setServing(false);
    expect(await client.check({ service })).toMatchObject({ status: NOT_SERVING });
    health.setServing(true);
    expect(await client.check({ service })).toMatchObject({ status: SERVING });
  });

  test("of an unknown service is NOT_FOUND when checked and SERVICE_UNKNOWN when watched", async () => {
    const { client } = await openHealth();
    await expect(client.check({ service: "acme.Other" })).rejects.toMatchObject({ code: Code.NotFound });
    for await (const { status } of client.watch({ service: "acme.Other" })) {
      expect(status).toBe(SERVICE_UNKNOWN);
      break;
    }
  });

  test("of everything is listed", async () => {
    const { client } = await openHealth();
    const { statuses } = await client.list({});
    expect(Object.keys(statuses)).toEqual(["", "signalbox.v1.OpService"]);
  });

  test("is watched: at once, at each change, and until the server drains", async () => {
    const { client, health, carrier } = await openHealth();
    const seen: number[] = [];
    const watching = (async () => {
      for await (const { status } of client.watch({})) {
        seen.push(status);
        if (seen.length === 1) {
          health.setServing(false);
        } else if (seen.length === 2) {
          // Said again, nothing changes and nothing is sent.
          health.setServing(false);
          health.setServing(true);
        } else if (seen.length === 3) {
          void carrier.drain(60_000);
        }
      }
    })();
    await expect(watching).rejects.toMatchObject({ code: Code.Unavailable });
    expect(seen).toEqual([SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
    expect(await carrier.drain(60_000)).toEqual({ cutCount: 0 });
  });

  test("is watched by grpc-js until it cancels", async () => {
    const { carrier } = await openHealth();
    const client = grpcJsClient(Health, `127.0.0.1:${carrier.address.port}`);
    onTestFinished(() => client.close());
    const stream = client.watch({ service: "" });
    const ended = new Promise((resolve) => stream.once("error", resolve));
    const first = await new Promise((resolve) => stream.once("data", resolve));
    expect(first).toMatchObject({ status: SERVING });
    stream.cancel();
    expect(await ended).toMatchObject({ code: status.CANCELLED });
  });
});

type Question = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>;

/** Asks on one stream and returns the answers in their order. */
async function ask(service: typeof ServerReflection, questions: Question[]) {
  const carrier = await openCarrier((router) => registerReflection(router, [OpService]));
  const client = createClient(service, createGrpcTransport({ baseUrl: carrier.address.url }));
  async function* requests() {
    for (const messageRequest of questions) {
      yield { host: "here", messageRequest };
    }
  }
  return collect(client.serverReflectionInfo(requests()));
}

/** The names of the files in an answer; an answer of another kind has none. */
function filesIn(answer: ServerReflectionResponse | undefined): string[] {
  const response = answer?.messageResponse;
  const bytes = response?.case === "fileDescriptorResponse" ? response.value.fileDescriptorProto : [];
  return bytes.map((one) => fromBinary(FileDescriptorProtoSchema, one).name);
}

describe.each([
  { version: "v1", service: ServerReflection },
  // Its messages differ from those of v1 by their package alone.
  { version: "v1alpha", service: v1alpha.ServerReflection as unknown as typeof ServerReflection },
])("reflection $version", ({ service }) => {
  test("lists the services, itself included", async () => {
    const [answer] = await ask(service, [{ case: "listServices", value: "" }]);
    expect(answer).toMatchObject({
      validHost: "here",
      originalRequest: { messageRequest: { case: "listServices" } },
      messageResponse: {
        case: "listServicesResponse",
        value: {
          service: [
            { name: "grpc.reflection.v1.ServerReflection" },
            { name: "grpc.reflection.v1alpha.ServerReflection" },
            { name: "signalbox.v1.OpService" },
          ],
        },
      },
    });
  });

  test.each([
    { symbol: "signalbox.v1.OpService", file: "signalbox/v1/op_service.proto" },
    { symbol: "signalbox.v1.OpService.GetOp", file: "signalbox/v1/op_service.proto" },
    { symbol: "signalbox.v1.GetOpRequest", file: "signalbox/v1/op_service.proto" },
    { symbol: "signalbox.v1.GetOpRequest.name", file: "signalbox/v1/op_service.proto" },
    { symbol: "signalbox.v1.Op", file: "signalbox/v1/op.proto" },
    { symbol: "google.protobuf.FieldDescriptorProto.Type", file: "google/protobuf/descriptor.proto" },
    { symbol: "google.protobuf.FieldDescriptorProto.TYPE_INT64", file: "google/protobuf/descriptor.proto" },
    { symbol: "buf.validate.field", file: "buf/validate/validate.proto" },
  ])("finds the file of $symbol", async ({ symbol, file }) => {
    const [answer] = await ask(service, [{ case: "fileContainingSymbol", value: symbol }]);
    expect(filesIn(answer)[0]).toBe(file);
  });

  test("sends a file with all it imports, and no import twice on a stream", async () => {
    const question = { case: "fileByFilename", value: "signalbox/v1/op_service.proto" } as const;
    const [first, second] = await ask(service, [question, question]);
    expect(filesIn(first)).toEqual(
      expect.arrayContaining([
        "signalbox/v1/op.proto",
        "buf/validate/validate.proto",
        "google/protobuf/descriptor.proto",
      ]),
    );
    expect(filesIn(second)).toEqual(["signalbox/v1/op_service.proto"]);
  });

  test("finds extensions by number, and numbers by type", async () => {
    const containingType = "google.protobuf.FieldOptions";
    const [byNumber, numbers] = await ask(service, [
      { case: "fileContainingExtension", value: { containingType, extensionNumber: 1159 } },
      { case: "allExtensionNumbersOfType", value: containingType },
    ]);
    expect(filesIn(byNumber)[0]).toBe("buf/validate/validate.proto");
    expect(numbers?.messageResponse).toMatchObject({
      case: "allExtensionNumbersResponse",
      value: { baseTypeName: containingType, extensionNumber: expect.arrayContaining([1159]) },
    });
  });

  test.each([
    { given: "an unknown file", question: { case: "fileByFilename", value: "a.proto" }, code: Code.NotFound },
    {
      given: "an unknown symbol",
      question: { case: "fileContainingSymbol", value: "a.B" },
      code: Code.NotFound,
    },
    {
      given: "an unknown type",
      question: { case: "allExtensionNumbersOfType", value: "a.B" },
      code: Code.NotFound,
    },
    { given: "no question", question: { case: undefined }, code: Code.InvalidArgument },
  ] as const)("answers $given with an error frame and goes on", async ({ question, code }) => {
    const [failed, next] = await ask(service, [question, { case: "listServices", value: "" }]);
    expect(failed?.messageResponse).toMatchObject({ case: "errorResponse", value: { errorCode: code } });
    expect(next?.messageResponse.case).toBe("listServicesResponse");
  });
});
