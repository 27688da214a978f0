import { inspect, isDeepStrictEqual } from "node:util";
import { Breach } from "../breach.ts";
import type { Scenario } from "../scenario.ts";
import { type Stage, text, truth, whole } from "../stage.ts";
import { addChild, answerCondition } from "./children.ts";
import { observeSteps } from "./steps.ts";

const ops = ["echo", "sleep", "fail", "progress", "ask"].map((op) => `conformance/${op}`);

/** What a worker does all day. */
export const workScenarios: readonly Scenario[] = [
  {
    name: "happy-path",
    shows: "It attaches as what it is, runs a task, gives its credit back, drains on SIGTERM and leaves.",
    matters: "Everything else is about what happens when this is disturbed.",
    play: playHappyPath,
  },
  {
    name: "values-unchanged",
    shows: "Inputs of every type come back as outputs of the same type and value.",
    matters: "A number that becomes a float, or a text that is read as something else, corrupts runs.",
    play: playValues,
  },
  {
    name: "failure-as-told",
    shows: "A failed attempt says its type, its message, and whether another attempt may help.",
    matters: "Retry policies go by the type; a lost `non_retryable` is tried again in vain.",
    play: playFailure,
  },
  {
    name: "reports-in-sequence",
    shows: "Progress, log lines and events come in the order in which the task said them, numbered from 1.",
    matters: "A server takes a number that is not higher for a repeat, and forgets what it says.",
    play: playReports,
  },
  {
    name: "waits-for-a-condition",
    shows: "A task adds a condition under a name of its own, waits, and goes on with the answer.",
    matters: "The name is the key: a parent that asks under another one asks people twice.",
    play: playAsk,
  },
  {
    name: "pulses-while-busy",
    shows: "Pulses come at their interval while tasks run and while nothing happens.",
    matters: "A worker that does not pulse loses its lease, and with it all that it runs.",
    play: playPulses,
  },
];

async function playHappyPath(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const { attach } = stream;
  const missing = ops.filter((op) => !attach.ops.includes(op));
  stage.require(missing.length === 0, `it does not announce ${missing.join(", ")}`);
  const expected = `Bearer ${stage.token}`;
  stage.require(stream.authorization === expected, "it does not say who it is with SIGNALBOX_TOKEN");
  const task = stage.assignment("echo", { greeting: text("hello"), count: whole(7) });
  stream.assign(task);
  const outputs = await stage.outputs(stream, task);
  stage.require(outputs["greeting"]?.kind.value === "hello", "its outputs are not its inputs");
  stage.require(outputs["count"]?.kind.value === 7n, "its outputs are not its inputs");
  await stage.credits(stream, 4);
  stage.terminate();
  await stream.next("leave", "it did not say Leave after SIGTERM");
  await stage.exit(0);
}

async function playValues(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const inputs = {
    nothing: { kind: { case: "nullValue", value: 0 } },
    yes: truth(true),
    large: { kind: { case: "intValue", value: 9_007_199_254_740_991n } },
    negative: whole(-3),
    half: { kind: { case: "floatValue", value: 0.5 } },
    round: { kind: { case: "floatValue", value: 2 } },
    words: text("grüß 🎈 \u0001"),
    bytes: { kind: { case: "bytesValue", value: new Uint8Array([0, 255, 10]) } },
  } as const;
  const task = stage.assignment("echo", inputs);
  stream.assign(task);
  const outputs = await stage.outputs(stream, task);
  for (const [name, { kind: sent }] of Object.entries(inputs)) {
    const got = outputs[name]?.kind;
    // Where floats and whole numbers are one type, 2.0 comes back as 2.
    const isWhole = name === "round" && got?.case === "intValue" && got.value === 2n;
    const isUnchanged = got?.case === sent?.case && isDeepStrictEqual(got?.value, sent?.value);
    stage.require(isUnchanged || isWhole, `the input ${name} comes back as ${inspect(got)}`);
  }
}

async function playFailure(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  for (const nonRetryable of [false, true]) {
    const inputs = {
      type: text("OutOfPaper"),
      message: text("the tray is empty"),
      non_retryable: truth(nonRetryable),
    };
    const task = stage.assignment("fail", inputs);
    stream.assign(task);
    const { content } = await stage.end(stream, task);
    if (content.case !== "failed") throw new Breach(`a task that fails is reported as ${content.case}`);
    const { type, message } = content.value;
    stage.require(type === "OutOfPaper", `its error has the type ${type}, and was to have OutOfPaper`);
    stage.require(message.includes("the tray is empty"), `its error says ${JSON.stringify(message)}`);
    const told = `non_retryable is ${content.value.nonRetryable}, and was to be ${nonRetryable}`;
    stage.require(content.value.nonRetryable === nonRetryable, told);
  }
}

async function playReports(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const task = stage.assignment("progress", { steps: whole(5) });
  stream.assign(task);
  const steps = await observeSteps(stage, stream, task);
  stage.require(
    steps.join() === "1,2,3,4,5",
    `its events tell of the steps ${steps.join(", ")}, and there are 5`,
  );
}

async function playAsk(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const task = stage.assignment("ask", { prompt: text("may it go on?") });
  stream.assign(task);
  const asked = await addChild(stage, stream, task);
  stage.require(asked.action.kind.case === "condition", "it adds a child that is no condition");
  const spec = asked.action.kind.case === "condition" ? asked.action.kind.value : undefined;
  stage.require(spec?.prompt === "may it go on?", "the condition does not ask what it was told to ask");
  answerCondition(stream, asked, "waiting");
  await stage.pass(300);
  const isEarly = stage.witness.attempt(task.attempt)?.hasEnded === true;
  stage.require(!isEarly, "it did not wait for the condition's end");
  answerCondition(stream, asked, "ended");
  const outputs = await stage.outputs(stream, task);
  stage.require(outputs["answer"]?.kind.value === true, "it does not put out the answer it was given");
}

async function playPulses(stage: Stage): Promise<void> {
  const stream = await stage.ready();
  const tasks = [1, 2, 3].map(() => stage.assignment("sleep", { ms: whole(1_500) }));
  stream.assign(...tasks);
  await stage.pass(3_000);
  const [first = 0, ...rest] = stream.pulsesAtMs;
  stage.require(rest.length >= 7, `it pulsed ${rest.length + 1} times in 3 s; the interval is 200 ms`);
  const gaps = rest.map((at, index) => at - (index === 0 ? first : (rest[index - 1] ?? first)));
  const longest = Math.round(Math.max(...gaps));
  stage.require(longest < 1_000, `two of its pulses are ${longest} ms apart, and its lease is 1,000 ms long`);
}
