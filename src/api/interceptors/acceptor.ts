import { type DescField, type DescMessage, type DescOneof, getOption, hasOption } from "@bufbuild/protobuf";
import {
  type FieldRules,
  field as fieldRulesOption,
  Ignore,
  message as messageRulesOption,
  oneof as oneofRulesOption,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Check, checkOfMessage, checkOfScalar, type Rules, saidBy } from "./value-checks.ts";

/**
 * Says for sure that a message keeps the rules of its schema; false says nothing, and whoever wants to know
 * asks the validator. Nearly all messages are good, and to see that takes a twentieth of what an account of
 * their faults does.
 */
export type Acceptor = (message: object) => boolean;

type Message = Readonly<Record<string, unknown>>;

/**
 * Makes acceptors out of schemas. They know the rules that the contract uses; a message with another one is
 * never accepted here. They are never more lenient than the validator: where it is not clear, the answer is
 * false.
 */
export class Acceptors {
  readonly #checkByType = new Map<string, Check>();

  /** The acceptor of a message; the same one for the same message. */
  of(schema: DescMessage): Acceptor {
    return this.#checkOfMessage(schema);
  }

  #checkOfMessage(schema: DescMessage): Check {
    const known = this.#checkByType.get(schema.typeName);
    if (known !== undefined) return known;
    // A message may hold itself: those within find this one before it is complete.
    const made: { check?: Check } = {};
    this.#checkByType.set(schema.typeName, (value) => made.check?.(value) ?? false);
    made.check = this.#makeCheck(schema);
    this.#checkByType.set(schema.typeName, made.check);
    return made.check;
  }

  #makeCheck(schema: DescMessage): Check {
    if (hasOption(schema, messageRulesOption)) return () => false;
    const checks = schema.members.flatMap((member) =>
      member.kind === "oneof" ? [this.#checkOfOneof(member)] : (this.#checkOfField(member) ?? []),
    );
    return (value) => {
      for (const check of checks) if (!check(value)) return false;
      return true;
    };
  }

  #checkOfOneof(oneof: DescOneof): Check {
    const isRequired = getOption(oneof, oneofRulesOption).required === true;
    const checkByCase = new Map<string, Check>();
    for (const field of oneof.fields) {
      const check = this.#checkOfValue(field, rulesOf(field));
      if (check !== undefined) checkByCase.set(field.localName, check);
    }
    const { localName } = oneof;
    return (message) => {
      const chosen = (message as Message)[localName] as { readonly case?: string; readonly value?: unknown };
      if (chosen.case === undefined) return !isRequired;
      return checkByCase.get(chosen.case)?.(chosen.value) ?? true;
    };
  }

  /** The check of a field that stands in no oneof; undefined if there is nothing to check. */
  #checkOfField(field: DescField): Check | undefined {
    const rules = rulesOf(field);
    const check = this.#checkOfValue(field, rules);
    const { localName } = field;
    if (rules?.required === true && rules.ignore !== Ignore.ALWAYS) {
      // An absent message is undefined; what else has no presence is never certain to be there.
      if (field.fieldKind !== "message") return () => false;
      return (message) => {
        const value = (message as Message)[localName];
        return value !== undefined && (check?.(value) ?? true);
      };
    }
    if (check === undefined) return undefined;
    return (message) => {
      const value = (message as Message)[localName];
      return value === undefined || check(value);
    };
  }

  /** The check of a value that is there; undefined if there is nothing to check. */
  #checkOfValue(field: DescField, rules: FieldRules | undefined): Check | undefined {
    if (rules?.ignore === Ignore.ALWAYS) return undefined;
    if (rules !== undefined && !isKnown(rules)) return () => false;
    switch (field.fieldKind) {
      case "scalar":
      case "enum":
        return rules?.type.case === undefined ? undefined : checkOfScalar(rules.type, field.enum);
      case "message":
        return bothOf(
          rules?.type.case === undefined ? undefined : checkOfMessage(rules.type),
          this.#checkWithin(field.message),
        );
      case "list":
        return this.#checkOfList(field, rules?.type);
      case "map":
        return this.#checkOfMap(field, rules?.type);
    }
  }

  #checkOfList(field: DescField & { fieldKind: "list" }, rules: Rules | undefined): Check | undefined {
    const said = rules?.case === undefined ? {} : saidBy(rules, ["minItems", "maxItems", "unique", "items"]);
    if (said === undefined) return () => false;
    const itemsMin = Number(said["minItems"] ?? 0);
    // Whether items are unique is left to the validator: where it is asked for, lists are short and rare.
    const itemsMax = said["unique"] === true ? 1 : Number(said["maxItems"] ?? Number.POSITIVE_INFINITY);
    const check = this.#checkOfItem(said["items"] as FieldRules | undefined, field);
    return (value) => {
      const items = value as readonly unknown[];
      if (items.length > itemsMax || items.length < itemsMin) return false;
      if (check !== undefined) for (const item of items) if (!check(item)) return false;
      return true;
    };
  }

  #checkOfMap(field: DescField & { fieldKind: "map" }, rules: Rules | undefined): Check | undefined {
    const said = rules?.case === undefined ? {} : saidBy(rules, ["minPairs", "maxPairs", "keys", "values"]);
    if (said === undefined) return () => false;
    const pairsMin = Number(said["minPairs"] ?? 0);
    const pairsMax = Number(said["maxPairs"] ?? Number.POSITIVE_INFINITY);
    const checkKey = this.#checkOfItem(said["keys"] as FieldRules | undefined, undefined);
    const checkValue = this.#checkOfItem(said["values"] as FieldRules | undefined, field);
    return (value) => {
      const pairs = value as Readonly<Record<string, unknown>>;
      let count = 0;
      for (const key of Object.keys(pairs)) {
        count += 1;
        if (checkKey !== undefined && !checkKey(key)) return false;
        if (checkValue !== undefined && !checkValue(pairs[key])) return false;
      }
      return count <= pairsMax && count >= pairsMin;
    };
  }

  /** The check of an item of a list, or of a key (of no field) or a value of a map. */
  #checkOfItem(rules: FieldRules | undefined, field: DescField | undefined): Check | undefined {
    const within = this.#checkWithin(field?.message);
    if (rules === undefined) return within;
    if (rules.ignore === Ignore.ALWAYS) return undefined;
    if (!isKnown(rules) || rules.required) return () => false;
    return rules.type.case === undefined ? within : bothOf(checkOfScalar(rules.type, field?.enum), within);
  }

  /** Google's own messages have no rules of their own, and some of them are plain JSON here. */
  #checkWithin(schema: DescMessage | undefined): Check | undefined {
    if (schema === undefined || schema.typeName.startsWith("google.protobuf.")) return undefined;
    return this.#checkOfMessage(schema);
  }
}

function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRulesOption) ? getOption(field, fieldRulesOption) : undefined;
}

/** True if the rules say nothing but what is looked at here. */
function isKnown({ cel, celExpression, $unknown }: FieldRules): boolean {
  return cel.length === 0 && celExpression.length === 0 && $unknown === undefined;
}

function bothOf(one: Check | undefined, other: Check | undefined): Check | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return (value) => one(value) && other(value);
}
