import type { CelResult } from "@bufbuild/cel";
import { celEnv, parse, plan } from "@bufbuild/cel";
import { RE2JS } from "@bufbuild/re2";
import type { Event } from "../../../gen/signalbox/v1/event_pb.ts";
import { expressionBracketDepthMax } from "../../limits.ts";
import { type Expr, faultOf } from "./check-expression.ts";
import { viewOf } from "./event-view.ts";
import { Meter, rangeFunction, turnFunction } from "./meter.ts";

/** An expression that can be asked about events, or why there is none. */
export type Compiled =
  | { readonly ok: true; readonly matches: (event: Event) => boolean }
  /** What is wrong, with the place: `at 12: there is no foo`. */
  | { readonly ok: false; readonly fault: string };

const meter = new Meter();
const patterns = new Map<string, RE2JS>();
/** Compiled patterns that are kept; they are cheap to make again. */
const patternsMax = 1_000;
const env = celEnv({ re2: { compile: compilePattern } });
const meteredEnv = meter.around(env);

/**
 * Makes an expression of a text, once for any number of events. Everything that can be known without an event
 * is looked at here: what it names, how large it is, what its loops and patterns could cost.
 *
 * Evaluating never throws. An event on which the expression is not true, or cannot be evaluated, or takes
 * more than `expressionStepsMax` steps, does not match.
 */
export function compileExpression(text: string): Compiled {
  const deep = tooDeepAt(text);
  if (deep !== undefined) {
    return faultAt(deep, `more than ${expressionBracketDepthMax} brackets are open`);
  }
  let root: Expr;
  let positions: Readonly<Record<string, number>>;
  try {
    const parsed = parse(text);
    root = parsed.expr;
    positions = parsed.sourceInfo?.positions ?? {};
  } catch (error) {
    return faultAt(offsetOf(error), messageOf(error));
  }
  const found = faultOf(root, env.funcs, compilePattern);
  if (found !== undefined) return faultAt(positions[String(found.id)], found.fault);
  meterLoops(root);
  // What is checked is planned with functions that count.
  const evaluate = plan(meteredEnv, root) as (bindings: { readonly event: unknown }) => CelResult;
  return {
    ok: true,
    matches(event) {
      meter.begin();
      return evaluate({ event: viewOf(event) }) === true;
    },
  };
}

/** Puts calls that count around what a loop goes over, and around its condition, which each turn asks. */
function meterLoops(expr: Expr | undefined): number {
  if (expr === undefined) return 0;
  const { exprKind } = expr;
  switch (exprKind.case) {
    case "selectExpr":
      return 1 + meterLoops(exprKind.value.operand);
    case "callExpr":
      return 1 + meterLoops(exprKind.value.target) + sum(exprKind.value.args);
    case "listExpr":
      return 1 + sum(exprKind.value.elements);
    case "structExpr":
      return (
        1 +
        exprKind.value.entries.reduce(
          (total, { keyKind, value }) =>
            total + meterLoops(value) + (keyKind.case === "mapKey" ? meterLoops(keyKind.value) : 0),
          0,
        )
      );
    case "comprehensionExpr": {
      const loop = exprKind.value;
      const { iterRange, loopCondition, loopStep } = loop;
      const before = meterLoops(iterRange) + meterLoops(loop.accuInit) + meterLoops(loop.result);
      const turn = meterLoops(loopCondition) + meterLoops(loopStep);
      if (iterRange !== undefined) loop.iterRange = call(rangeFunction, [iterRange]);
      if (loopCondition !== undefined) {
        loop.loopCondition = call(turnFunction, [loopCondition, integer(BigInt(turn))]);
      }
      return before + turn + 1;
    }
    default:
      return 1;
  }
}

function sum(parts: readonly Expr[]): number {
  return parts.reduce((total, part) => total + meterLoops(part), 0);
}

function call(name: string, args: Expr[]): Expr {
  const $typeName = "cel.expr.Expr.Call" as const;
  return expr({ case: "callExpr", value: { $typeName, function: name, args } });
}

function integer(value: bigint): Expr {
  const constantKind = { case: "int64Value", value } as const;
  return expr({ case: "constExpr", value: { $typeName: "cel.expr.Constant", constantKind } });
}

function expr(exprKind: Expr["exprKind"]): Expr {
  return { $typeName: "cel.expr.Expr", id: 0n, exprKind };
}

function compilePattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  const made = RE2JS.compile(pattern);
  if (patterns.size >= patternsMax) patterns.clear();
  patterns.set(pattern, made);
  return made;
}

/** Where too many brackets are open. Those in texts count too: nobody needs so many there. */
function tooDeepAt(text: string): number | undefined {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? "";
    if ("([{".includes(character)) depth += 1;
    else if (")]}".includes(character)) depth -= 1;
    if (depth > expressionBracketDepthMax) return index;
  }
  return undefined;
}

function faultAt(offset: number | undefined, fault: string): Compiled {
  return { ok: false, fault: offset === undefined ? fault : `at ${offset + 1}: ${fault}` };
}

/** The parser says where in its own way. */
function offsetOf(error: unknown): number | undefined {
  const { location } = error as { readonly location?: { readonly start?: { readonly offset?: number } } };
  return location?.start?.offset;
}

function messageOf(error: unknown): string {
  const { rawMessage, message } = error as { readonly rawMessage?: string; readonly message?: string };
  return (rawMessage ?? message ?? "it cannot be read").slice(0, 500);
}
