import { type DescMessage, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ActionSchema } from "../../gen/signalbox/v1/action_pb.ts";
import { ConditionSchema } from "../../gen/signalbox/v1/condition_pb.ts";
import { EventSchema } from "../../gen/signalbox/v1/event_pb.ts";
import { WatchEventsResponseSchema } from "../../gen/signalbox/v1/event_service_pb.ts";
import { OpSchema } from "../../gen/signalbox/v1/op_pb.ts";
import { RunSchema } from "../../gen/signalbox/v1/run_pb.ts";
import { encodeMessage } from "../../src/api/encoding/encoder.ts";
import { Random } from "../support/random.ts";
import { randomMessage } from "../support/random-message.ts";

describe("a message is encoded as protobuf encodes it, byte for byte:", () => {
  test.each<DescMessage>([
    EventSchema,
    WatchEventsResponseSchema,
    RunSchema,
    ActionSchema,
    ConditionSchema,
    OpSchema,
  ])("$typeName", (schema) => {
    const random = new Random(1);
    for (let count = 0; count < 200; count += 1) {
      const message = randomMessage(schema, random);
      const encoded = Buffer.from(encodeMessage(schema, message));
      expect(encoded.equals(Buffer.from(toBinary(schema, message)))).toBe(true);
    }
  });
});
