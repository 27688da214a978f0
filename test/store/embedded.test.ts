import { describe } from "vitest";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import { describeStore } from "./contract.ts";
import { newFolder, scriptedRules } from "./folders.ts";

describe("the embedded store", () => {
  describeStore(() => EmbeddedStore.open({ path: newFolder(), rules: scriptedRules }));
});
