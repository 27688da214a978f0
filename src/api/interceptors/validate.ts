import type { DescMessage, DescService, MessageShape, Registry } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import type { Violation } from "@bufbuild/protovalidate";
import { createValidator } from "@bufbuild/protovalidate";
import type { Interceptor } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { carrierLimits } from "../carrier-limits.ts";
import { Acceptors } from "./acceptor.ts";

/** How much of one field path or description is told; both may quote what the client sent. */
const toldLengthMax = 200;

/** What the checks need to know beforehand. */
export interface ValidateOptions {
  /** Knows the predefined rules of the schema, where it has any. */
  readonly registry?: Registry;
  /** Services whose rules are compiled at once: the first call would else take a tenth of a second. */
  readonly services?: readonly DescService[];
}

/**
 * Checks every request message against the rules of its schema before a handler sees it, each message of a
 * stream too.
 *
 * A message that breaks rules is refused with INVALID_ARGUMENT and reason INVALID_REQUEST; `BadRequest` lists
 * all violations, up to `violationBytesMax`. On a stream a bad message, or one that cannot be read, ends the
 * stream: the handler's loop over the messages throws. Throws when a rule of `services` does not compile.
 */
export function validateRequests({ registry, services = [] }: ValidateOptions = {}): Interceptor {
  const validator = registry === undefined ? plainValidator : createValidator({ registry });
  for (const { input } of services.flatMap(({ methods }) => methods)) {
    const { kind, error } = validator.validate(input, create(input));
    if (kind === "error") {
      throw new Error(`the rules of ${input.typeName} do not compile`, { cause: error });
    }
  }

  function check<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): void {
    if (acceptors.of(schema)(message)) return;
    const result = validator.validate(schema, message);
    if (result.kind === "invalid") {
      throw invalidRequest(result.violations.map(describeViolation));
    }
    if (result.kind === "error") {
      throw new Error(`the rules of ${schema.typeName} cannot be evaluated`, { cause: result.error });
    }
  }

  return (next) => (request) => {
    const schema = request.method.input;
    if (!request.stream) {
      check(schema, request.message);
      return next(request);
    }
    return next({ ...request, message: checkEach(request.message, (message) => check(schema, message)) });
  };
}

/** For schemas without predefined rules. Rules are compiled at their first use and kept. */
const plainValidator = createValidator();
const acceptors = new Acceptors();

/** Everything that is wrong with the shape of a message that its request's own rules leave to the handler. */
export function violationsOf<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): readonly FieldViolation[] {
  if (acceptors.of(schema)(message)) return [];
  const result = plainValidator.validate(schema, message);
  if (result.kind === "valid") return [];
  if (result.kind === "invalid") return result.violations.map(describeViolation);
  throw new Error(`the rules of ${schema.typeName} cannot be evaluated`, { cause: result.error });
}

/** One broken rule: where, and what is wrong there. */
export interface FieldViolation {
  /** The path of the field, such as `plan.actions[2].name`; empty when the message as a whole is wrong. */
  readonly field: string;
  readonly description: string;
}

/**
 * The refusal of a request whose shape is wrong: all violations as details, the first one in the message.
 * Handlers use it too, for what a schema cannot say.
 */
export function invalidRequest(violations: readonly FieldViolation[]): ConnectError {
  return badRequest(violations, { reason: "INVALID_REQUEST", facts: {}, subject: "" });
}

/** A refusal with violations and further facts; `subject` stands before the first violation. */
export function badRequest(
  violations: readonly FieldViolation[],
  { reason, facts, subject }: { reason: string; facts: Readonly<Record<string, string>>; subject: string },
): ConnectError {
  const [first, ...others] = violations;
  const told = first === undefined ? "the request is not valid" : describe(first);
  const rest = others.length === 0 ? "" : ` (and ${others.length} more)`;
  const listed = withinBytes(violations, carrierLimits.violationBytesMax);
  const metadata = {
    ...facts,
    field: first?.field ?? "",
    violation_count: String(violations.length),
    listed_count: String(listed.length),
  };
  return new ConnectError(`${subject}${told}${rest}`, Code.InvalidArgument, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain: "signalbox", metadata } },
    { desc: BadRequestSchema, value: { fieldViolations: listed.map((violation) => ({ ...violation })) } },
  ]);
}

function describe({ field, description }: FieldViolation): string {
  return field === "" ? description : `${field}: ${description}`;
}

function describeViolation(violation: Violation): FieldViolation {
  return {
    field: shorten(pathToString(violation.field)),
    description: shorten(
      violation.message === "" ? `breaks the rule ${violation.ruleId}` : violation.message,
    ),
  };
}

function shorten(text: string): string {
  return text.length > toldLengthMax ? `${text.slice(0, toldLengthMax)}...` : text;
}

/** As many violations from the front as fit; the first one always does. */
function withinBytes(violations: readonly FieldViolation[], bytesMax: number): FieldViolation[] {
  let bytes = 0;
  return violations.filter(({ field, description }) => {
    bytes += Buffer.byteLength(field) + Buffer.byteLength(description) + 8;
    return bytes <= bytesMax;
  });
}

/**
 * The same messages, each checked as it is taken; what the client could not have meant is its mistake, not
 * ours.
 */
async function* checkEach<Message>(messages: AsyncIterable<Message>, check: (message: Message) => void) {
  const iterator = messages[Symbol.asyncIterator]();
  try {
    for (;;) {
      const taken = await iterator.next().catch((error: unknown) => {
        throw isUnreadable(error) ? invalidRequest([{ field: "", description: error.rawMessage }]) : error;
      });
      if (taken.done === true) {
        return;
      }
      check(taken.value);
      yield taken.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Connect blames the server (INTERNAL) for bytes that are no message of the declared type. */
function isUnreadable(error: unknown): error is ConnectError {
  return (
    error instanceof ConnectError &&
    error.code === Code.Internal &&
    error.rawMessage.startsWith("parse binary")
  );
}
