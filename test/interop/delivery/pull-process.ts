/** A consumer: notes each event, then acknowledges it. Usage: pull-process.ts ADDRESS SUBSCRIPTION LOG */
import { toJsonString } from "@bufbuild/protobuf";
import { EventSchema } from "../../../gen/signalbox/v1/event_pb.ts";
import { createClient } from "../../../src/client/client.ts";
import { ReceivedLog } from "./received.ts";

const [address = "", name = "", path = ""] = process.argv.slice(2);
const log = new ReceivedLog(path);
const client = createClient({ address, retry: { forMs: 60_000, backoffMsMax: 200 } });
console.log("ready 0");
for await (const { message, ack } of client.subscriptions.consume(name, { inFlightMax: 50 })) {
  log.add({ id: message.eventId, runId: message.runId, text: toJsonString(EventSchema, message) });
  // Told when it is durable; if the stream is cut before, it comes again.
  void ack().catch(() => {});
}
