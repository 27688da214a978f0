import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  childName,
  shortName,
  shortParent,
  toNamespace,
  toRunKey,
  toScope,
} from "../../../src/api/flyte/names.ts";

describe("a project and a domain", () => {
  test.each([
    { project: "", domain: "", namespace: "default" },
    { project: "shop", domain: "", namespace: "shop" },
    { project: "shop", domain: "development", namespace: "shop--development" },
    { project: "my-shop", domain: "dev-1", namespace: "my-shop--dev-1" },
  ])("$project in $domain are namespace $namespace, and it is theirs", ({ project, domain, namespace }) => {
    expect(toNamespace({ project, domain })).toBe(namespace);
    expect(toScope(namespace)).toEqual({ project, domain });
  });

  test.each([
    { project: "", domain: "dev" },
    { project: "Shop", domain: "dev" },
    { project: "shop_1", domain: "dev" },
    { project: "shop", domain: "d.e" },
    { project: "sh--op", domain: "dev" },
    { project: "shop-", domain: "dev" },
    { project: "shop", domain: "-dev" },
    { project: "s".repeat(40), domain: "d".repeat(40) },
    { project: "s/x", domain: "" },
  ])("$project in $domain are INVALID_ARGUMENT", ({ project, domain }) => {
    expect(() => toNamespace({ project, domain })).toThrow(
      expect.objectContaining({ code: Code.InvalidArgument }),
    );
  });

  test("and the run's name are its key; a run without a name is INVALID_ARGUMENT", () => {
    expect(toRunKey({ project: "shop", domain: "dev", name: "r1" })).toBe("shop--dev/r1");
    expect(() => toRunKey({ project: "shop", domain: "dev", name: "" })).toThrow("must have a name");
  });
});

describe("the name of an action", () => {
  test.each([
    { action: "a0", short: "a0", parent: "" },
    { action: "a0/x", short: "x", parent: "a0" },
    { action: "a0/x/y", short: "y", parent: "x" },
    { action: "build", short: "build", parent: "" },
    { action: "build/test", short: "build/test", parent: "build" },
  ])("$action is $short below $parent in Flyte", ({ action, short, parent }) => {
    expect([shortName(action), shortParent(action)]).toEqual([short, parent]);
  });

  test("is one part below its parent", () => {
    expect(childName("a0/x", "y")).toBe("a0/x/y");
    for (const name of ["", "x/y"]) expect(() => childName("a0", name)).toThrow("without a slash");
  });
});
