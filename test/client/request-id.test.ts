import { expect, test } from "vitest";
import { newRequestId } from "../../src/client/wire/request-id.ts";

test("a request id is a UUID of version 7 that begins with the time, and no other is the same", () => {
  const beforeMs = Date.now();
  const ids = Array.from({ length: 1_000 }, newRequestId);
  const afterMs = Date.now();
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const timeMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    expect(timeMs).toBeGreaterThanOrEqual(beforeMs);
    expect(timeMs).toBeLessThanOrEqual(afterMs);
  }
});
