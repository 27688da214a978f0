import { type Fields, isObject, type JsonCheck } from "./read-json-file.ts";

/** What tasks and ops have in common in a file, by its name. */
const parts: Readonly<Record<string, Fields>> = {
  resources: {
    cpu: "number",
    ramMb: "number",
    vramMb: "number",
    deviceCount: "integer",
    deviceIndex: "integer",
  },
  placement: { workerLabels: "labels", tolerations: "list" },
  retry: {
    maxAttempts: "integer",
    initialBackoffMs: "number",
    multiplier: "number",
    backoffMsMax: "number",
    jitter: "number",
    nonRetryableErrorTypes: "texts",
    manual: "flag",
  },
  timeouts: { queueToStartMs: "number", startToEndMs: "number", heartbeatMs: "number" },
};

/** The fields of a task or an op that {@link checkTaskParts} looks into. */
export const taskPartFields: Fields = {
  resources: "object",
  placement: "object",
  retry: "object",
  timeouts: "object",
};

/** Notes what is wrong with the resources, placement, retry policy and timeouts of a task or an op. */
export function checkTaskParts(
  check: JsonCheck,
  holder: Readonly<Record<string, unknown>>,
  prefix: string,
): void {
  for (const [name, fields] of Object.entries(parts)) {
    if (isObject(holder[name])) check.object(holder[name], `${prefix}${name}`, fields);
  }
  const { placement } = holder;
  const tolerations = isObject(placement) ? placement["tolerations"] : undefined;
  for (const toleration of Array.isArray(tolerations) ? (tolerations as unknown[]) : []) {
    check.object(toleration, `${prefix}placement.tolerations`, { "key!": "text", value: "text" });
  }
}
