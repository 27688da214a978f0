import { create } from "@bufbuild/protobuf";
import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import {
  type InputSpec,
  InputSpecSchema,
  type Op,
  OpSchema,
  type OutputSpec,
  OutputSpecSchema,
  type RetryPolicy,
  RetryPolicySchema,
  SpecType,
} from "../../../gen/signalbox/v1/op_pb.ts";
import type { OpService } from "../../../gen/signalbox/v1/op_service_pb.ts";
import { type Resources, ResourcesSchema } from "../../../gen/signalbox/v1/resource_pb.ts";
import { toDuration } from "../mapping/time.ts";
import { FieldFaults, toPlain, toValue } from "./fields.ts";
import { type RestAnswer, type RestCall, RestError } from "./http.ts";

type Body = Readonly<Record<string, unknown>>;

/** Definitions, as gyoza calls ops: registered under a name, read, and listed with all their versions. */
export class Definitions {
  readonly #ops: Client<typeof OpService>;

  constructor(ops: Client<typeof OpService>) {
    this.#ops = ops;
  }

  /** Registers a definition, by the name in its path if there is one; the same again makes nothing. */
  async upsert({ headers, body }: RestCall, name: string): Promise<RestAnswer> {
    const given = await body();
    const id = given["id"] ?? given["name"];
    if (name !== "" && id !== undefined && id !== name) {
      throw new RestError(400, `the path names ${name} and the body another one: leave out its id`);
    }
    const op = toOp(name === "" ? given : { ...given, id: name });
    const { op: registered } = await this.#ops.registerOp({ op }, { headers });
    return { status: 200, body: fromOp(registered ?? op) };
  }

  async list({ headers }: RestCall): Promise<RestAnswer> {
    const definitions: unknown[] = [];
    for (let pageToken = ""; ; ) {
      const request = { allVersions: true, pageSize: 1_000, pageToken };
      const page = await this.#ops.listOps(request, { headers });
      definitions.push(...page.ops.map(fromOp));
      pageToken = page.nextPageToken;
      if (pageToken === "") return { status: 200, body: definitions };
    }
  }

  async get({ headers, query }: RestCall, name: string): Promise<RestAnswer> {
    const version = query.get("version") ?? "";
    const { op } = await this.#ops.getOp({ name, ...versionOf(version) }, { headers });
    if (op === undefined) throw new RestError(404, `there is no definition ${name}`);
    return { status: 200, body: fromOp(op) };
  }
}

/** A version as gyoza's clients say it: our number, or the semantic version that it was registered with. */
export function versionOf(version: string): { version: number } | { versionName: string } {
  return /^\d{1,9}$/.test(version) ? { version: Number(version) } : { versionName: version };
}

/** What a definition or a run asks of its worker, as gyoza's `constraints`. */
export function toResources(constraints: Body, faults: FieldFaults): Resources {
  const cpu = faults.integer(constraints, "cpu");
  const ramMb = faults.integer(constraints, "ram_mb");
  const vramMb = faults.integer(constraints, "vram_mb");
  const deviceIndex = faults.integer(constraints, "gpu_id");
  return create(ResourcesSchema, {
    ...(cpu === undefined ? {} : { cpu }),
    ...(ramMb === undefined ? {} : { ramMb: BigInt(ramMb) }),
    ...(vramMb === undefined ? {} : { vramMb: BigInt(vramMb) }),
    ...(deviceIndex === undefined ? {} : { deviceIndex }),
  });
}

/** The same the other way round; what is not asked for is null. */
export function fromResources(resources: Resources | undefined): Body {
  const { cpu, ramMb, vramMb, deviceIndex } = resources ?? {};
  return {
    cpu: cpu ?? null,
    ram_mb: ramMb === undefined ? null : Number(ramMb),
    vram_mb: vramMb === undefined ? null : Number(vramMb),
    gpu_id: deviceIndex ?? null,
  };
}

/** gyoza's retry policy: the wait is constant. */
export function toRetry(policy: Body, faults: FieldFaults): RetryPolicy {
  const backoff = toDuration(faults.integer(policy, "backoff_ms") ?? 0);
  return create(RetryPolicySchema, {
    maxAttempts: faults.integer(policy, "max_attempts", 1) ?? 1,
    multiplier: 1,
    ...(backoff === undefined ? {} : { initialBackoff: backoff }),
  });
}

/** The same the other way round. */
export function fromRetry(retry: RetryPolicy | undefined): Body {
  const backoff = retry?.initialBackoff;
  return {
    max_attempts: retry === undefined || retry.maxAttempts === 0 ? 1 : retry.maxAttempts,
    backoff_ms: backoff === undefined ? 0 : durationMs(backoff),
  };
}

function toOp(body: Body): Op {
  const faults = new FieldFaults();
  const name = faults.text(body, "id") ?? faults.text(body, "name");
  if (name === undefined) faults.faults.push("id is required");
  const delivery = faults.object(body, "event_delivery");
  const specs = (list: string) =>
    mapped(faults.object(body, list), (spec, at) =>
      faults.object({ [`${list}.${at}`]: spec }, `${list}.${at}`),
    );
  const op = create(OpSchema, {
    name: name ?? "",
    versionName: faults.text(body, "version") ?? "",
    image: faults.text(body, "image") ?? "",
    inputs: mapped(specs("input_specs"), (spec, at) => toInputSpec(spec, at, faults)),
    outputs: mapped(specs("output_specs"), (spec, at) => toOutputSpec(spec, at, faults)),
    resources: toResources(faults.object(body, "constraints"), faults),
    retry: toRetry(faults.object(body, "retry_policy"), faults),
    delivery: {
      topic: faults.text(delivery, "topic") ?? "",
      attributes: faults.object(delivery, "attributes") as Record<string, string>,
    },
  });
  if (faults.faults.length > 0) throw new RestError(400, faults.faults.join("; "));
  return op;
}

const typeByWord = new Map<string, SpecType>([
  ["string", SpecType.STRING],
  ["str", SpecType.STRING],
  ["int", SpecType.INT],
  ["integer", SpecType.INT],
  ["float", SpecType.FLOAT],
  ["number", SpecType.FLOAT],
  ["bool", SpecType.BOOL],
  ["boolean", SpecType.BOOL],
  ["object", SpecType.OBJECT],
  ["dict", SpecType.OBJECT],
  ["array", SpecType.ARRAY],
  ["list", SpecType.ARRAY],
  ["any", SpecType.ANY],
]);
const wordByType = new Map([...typeByWord].reverse().map(([word, type]) => [type, word]));

function toType(spec: Body, at: string, faults: FieldFaults): SpecType {
  const word = spec["type"];
  const type = typeof word === "string" ? typeByWord.get(word) : undefined;
  if (type === undefined) {
    faults.faults.push(`${at}.type must be one of ${[...typeByWord.keys()].join(", ")}`);
  }
  return type ?? SpecType.ANY;
}

function toInputSpec(spec: Body, at: string, faults: FieldFaults): InputSpec {
  const value = spec["default"];
  return create(InputSpecSchema, {
    type: toType(spec, `input_specs.${at}`, faults),
    required: faults.flag(spec, "required") ?? true,
    // A null there says that there is no default.
    ...(value === undefined || value === null ? {} : { defaultValue: toValue(value as never) }),
  });
}

function toOutputSpec(spec: Body, at: string, faults: FieldFaults): OutputSpec {
  return create(OutputSpecSchema, { type: toType(spec, `output_specs.${at}`, faults) });
}

function fromOp(op: Op): Body {
  const times = [op.createTime, op.updateTime].map((time) =>
    time === undefined ? null : timestampDate(time).toISOString(),
  );
  return {
    id: op.name,
    version: op.versionName === "" ? String(op.version) : op.versionName,
    image: op.image,
    input_specs: mapped(op.inputs, ({ type, required, defaultValue }) => ({
      type: wordByType.get(type) ?? "any",
      required: required ?? true,
      default: defaultValue === undefined ? null : (toPlain({ it: defaultValue })["it"] ?? null),
    })),
    output_specs: mapped(op.outputs, ({ type }) => ({ type: wordByType.get(type) ?? "any" })),
    constraints: fromResources(op.resources),
    retry_policy: fromRetry(op.retry),
    event_delivery: { topic: op.delivery?.topic ?? "", attributes: op.delivery?.attributes ?? {} },
    createdAt: times[0],
    updatedAt: times[1],
  };
}

function mapped<From, To>(
  record: Readonly<Record<string, From>>,
  of: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, of(value, name)]));
}
