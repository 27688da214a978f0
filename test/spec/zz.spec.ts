import { test } from "vitest";
import { aCondition, aTask, bool, terms } from "../support/builders.ts";
import { World } from "../support/world.ts";
test("x", () => {
  const world = new World();
  const q = (name: string) => aCondition(name, { terms: terms({ group: "g" }) });
  world.create({ plan: [aTask("t")] });
  world.attach();
  world.start();
  world.add("t", q("p"));
  world.signal("t/p", bool(true));
  console.log(world.add("t", q("q"), q("s")));
  for (const e of world.events()) console.log(e.action, e.detail.kind, (e.detail as any).state);
});
