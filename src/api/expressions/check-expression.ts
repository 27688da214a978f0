import type { CelEnv, parse } from "@bufbuild/cel";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { EventSchema } from "../../../gen/signalbox/v1/event_pb.ts";
import { expressionLoopDepthMax, expressionNodesMax } from "../../limits.ts";
import { detailNames, enumNamesOf, isOpaque } from "./event-view.ts";

/** A node of a parsed expression. */
export type Expr = ReturnType<typeof parse>["expr"];

/** What is wrong with an expression, and the node where it stands. */
export interface NodeFault {
  readonly fault: string;
  readonly id: bigint;
}

/** Looks at a whole expression; undefined if it can be used. `compilePattern` throws for a bad pattern. */
export function faultOf(
  root: Expr,
  funcs: CelEnv["funcs"],
  compilePattern: (pattern: string) => void,
): NodeFault | undefined {
  const checking = new Checking(funcs, compilePattern);
  try {
    const type = checking.look(root, { loops: 0, variables: new Map() });
    if (type.kind !== "dynamic" && type.kind !== "bool") {
      throw new Fault("the whole must be true or false", root.id);
    }
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return { fault: error.message, id: error.id };
    throw error;
  }
}

class Fault extends Error {
  readonly id: bigint;

  constructor(message: string, id: bigint) {
    super(message);
    this.id = id;
  }
}

/** What is known about a value before there is one. */
type Type =
  | { readonly kind: "message"; readonly desc: DescMessage }
  | { readonly kind: "list" | "map"; readonly of: Type }
  /** A text that is one of these names. */
  | { readonly kind: "name"; readonly names: ReadonlySet<string>; readonly what: string }
  | { readonly kind: "bool" }
  /** Has no fields. */
  | { readonly kind: "leaf" }
  | { readonly kind: "dynamic" };

interface Place {
  /** How many loops are around it. */
  readonly loops: number;
  readonly variables: ReadonlyMap<string, Type>;
}

const dynamic: Type = { kind: "dynamic" };
const leaf: Type = { kind: "leaf" };
const bool: Type = { kind: "bool" };
const typeNames = new Set([
  "int",
  "uint",
  "double",
  "bool",
  "string",
  "bytes",
  "list",
  "map",
  "null_type",
  "type",
]);
/** Operators that are no functions; the value says what comes of them if that is known. */
const operators: ReadonlyMap<string, Type> = new Map<string, Type>([
  ["_&&_", bool],
  ["_||_", bool],
  ["!_", bool],
  ["_?_:_", dynamic],
  ["@not_strictly_false", bool],
]);
const tests = new Set(["_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"]);

/** One look at an expression: counts its nodes and follows what is known about types. */
class Checking {
  readonly #funcs: CelEnv["funcs"];
  readonly #compilePattern: (pattern: string) => void;
  #nodes = 0;

  constructor(funcs: CelEnv["funcs"], compilePattern: (pattern: string) => void) {
    this.#funcs = funcs;
    this.#compilePattern = compilePattern;
  }

  look(expr: Expr | undefined, place: Place): Type {
    if (expr === undefined) return dynamic;
    this.#nodes += 1;
    if (this.#nodes > expressionNodesMax) {
      throw new Fault(`it has more than ${expressionNodesMax} parts`, expr.id);
    }
    const { exprKind } = expr;
    switch (exprKind.case) {
      case "constExpr":
        return exprKind.value.constantKind.case === "boolValue" ? bool : leaf;
      case "identExpr":
        return typeOfName(exprKind.value.name, place, expr.id);
      case "selectExpr": {
        const { operand, field, testOnly } = exprKind.value;
        const selected = typeOfField(this.look(operand, place), field, expr.id);
        return testOnly ? bool : selected;
      }
      case "listExpr":
        for (const element of exprKind.value.elements) this.look(element, place);
        return { kind: "list", of: dynamic };
      case "structExpr":
        if (exprKind.value.messageName !== "") throw new Fault("messages cannot be made here", expr.id);
        for (const { keyKind, value } of exprKind.value.entries) {
          if (keyKind.case === "mapKey") this.look(keyKind.value, place);
          this.look(value, place);
        }
        return { kind: "map", of: dynamic };
      case "callExpr":
        return this.#lookAtCall(expr, exprKind.value, place);
      case "comprehensionExpr":
        return this.#lookAtLoop(expr, exprKind.value, place);
      default:
        throw new Fault("this cannot be used here", expr.id);
    }
  }

  #lookAtCall(expr: Expr, call: ValueOf<"callExpr">, place: Place): Type {
    const { function: name, target, args } = call;
    const targetType = target === undefined ? undefined : this.look(target, place);
    const types = args.map((arg) => this.look(arg, place));
    if (name === "_[_]") return typeOfIndex(types[0] ?? dynamic);
    const result = operators.get(name);
    if (result !== undefined && name !== "!_") return result;
    const overloads = [...(this.#funcs.find(name) ?? [])];
    if (overloads.length === 0) throw new Fault(`there is no function ${name}`, expr.id);
    const fits = overloads.some(
      (overload) =>
        overload.arguments.length === args.length &&
        (overload.target !== undefined) === (target !== undefined),
    );
    if (!fits) throw new Fault(`${name} is not used with these arguments`, expr.id);
    if (name === "matches") this.#lookAtPattern(args[0], expr.id);
    if (name === "_==_" || name === "_!=_" || name === "@in") checkNames(args, types);
    if (targetType?.kind === "message") throw new Fault(`${name} is not a function of messages`, expr.id);
    return result ?? (tests.has(name) ? bool : dynamic);
  }

  /** Patterns are known beforehand, so that none has to be compiled for an event. */
  #lookAtPattern(pattern: Expr | undefined, id: bigint): void {
    const text = textOf(pattern);
    if (text === undefined) throw new Fault("the pattern of matches must be a text that stands there", id);
    try {
      this.#compilePattern(text);
    } catch (error) {
      throw new Fault(`the pattern is none: ${error instanceof Error ? error.message : String(error)}`, id);
    }
  }

  #lookAtLoop(expr: Expr, loop: ValueOf<"comprehensionExpr">, place: Place): Type {
    const loops = place.loops + 1;
    if (loops > expressionLoopDepthMax) {
      throw new Fault(`more than ${expressionLoopDepthMax} loops stand in each other`, expr.id);
    }
    const range = this.look(loop.iterRange, place);
    this.look(loop.accuInit, place);
    const item = range.kind === "list" ? range.of : range.kind === "map" ? leaf : dynamic;
    if (range.kind === "leaf" || range.kind === "bool" || range.kind === "name") {
      throw new Fault("there is nothing to go through", expr.id);
    }
    const variables = new Map([...place.variables, [loop.iterVar, item], [loop.accuVar, dynamic]] as const);
    const inside = { loops, variables };
    this.look(loop.loopCondition, inside);
    this.look(loop.loopStep, inside);
    return this.look(loop.result, inside);
  }
}

type Kinds = Expr["exprKind"];
type ValueOf<Case extends string> = Extract<Kinds, { readonly case: Case }>["value"];

function typeOfName(name: string, { variables }: Place, id: bigint): Type {
  const variable = variables.get(name);
  if (variable !== undefined) return variable;
  if (name === "event") return { kind: "message", desc: EventSchema };
  if (typeNames.has(name)) return leaf;
  throw new Fault(`there is no ${name}; what there is begins with event`, id);
}

function typeOfField(type: Type, name: string, id: bigint): Type {
  switch (type.kind) {
    case "dynamic":
      return dynamic;
    case "map":
      return type.of;
    case "message": {
      const { desc } = type;
      if (desc === EventSchema && name === "kind") {
        return { kind: "name", names: new Set(detailNames.values()), what: "kind of event" };
      }
      const field = desc.fields.find((one) => one.name === name);
      if (field === undefined) throw new Fault(`${desc.name} has no field ${name}`, id);
      return typeOf(field);
    }
    default:
      throw new Fault(`what ${name} is asked of has no fields`, id);
  }
}

function typeOf(field: DescField): Type {
  const of = singleType(field);
  return field.fieldKind === "list" || field.fieldKind === "map" ? { kind: field.fieldKind, of } : of;
}

function singleType(field: DescField): Type {
  const names = enumNamesOf(field);
  if (names !== undefined) return { kind: "name", names, what: field.name };
  if (field.message === undefined) return field.scalar === ScalarType.BOOL ? bool : leaf;
  if (!isOpaque(field.message)) return { kind: "message", desc: field.message };
  return field.message.typeName === "google.protobuf.Timestamp" ? leaf : dynamic;
}

function typeOfIndex(type: Type): Type {
  return type.kind === "list" || type.kind === "map" ? type.of : dynamic;
}

/** A name that is compared with a text must be able to be that text: a slip would match nothing, quietly. */
function checkNames(args: readonly Expr[], types: readonly Type[]): void {
  types.forEach((type, index) => {
    if (type.kind !== "name") return;
    const other = args[1 - index];
    if (other === undefined) return;
    const { exprKind } = other;
    const texts = exprKind.case === "listExpr" ? exprKind.value.elements : [other];
    for (const one of texts) {
      const text = textOf(one);
      if (text !== undefined && !type.names.has(text)) {
        throw new Fault(`there is no ${type.what} ${JSON.stringify(text)}`, one.id);
      }
    }
  });
}

function textOf(expr: Expr | undefined): string | undefined {
  if (expr?.exprKind.case !== "constExpr") return undefined;
  const { constantKind } = expr.exprKind.value;
  return constantKind.case === "stringValue" ? constantKind.value : undefined;
}
