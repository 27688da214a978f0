import { describe } from "vitest";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { decide } from "../support/scripted-rules.ts";
import { describeStore } from "./contract.ts";

describe("the memory store", () => {
  describeStore(() => Promise.resolve(new MemoryStore({ decide })));
});
