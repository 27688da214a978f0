import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { Op as OpMessage } from "../../../gen/signalbox/v1/op_pb.ts";
import type { OpChange, OpContent } from "../../core/ops/op.ts";
import type { Faults } from "./faults.ts";
import { fromOp } from "./from-proto-op.ts";

/** What an UpdateOp changes: what it sets, and what it takes away. */
export interface StatedChange {
  readonly set: OpChange;
  readonly cleared: readonly Clearable[];
}

type Clearable = "retry" | "timeouts" | "resources" | "placement" | "delivery";

/** How each field of an op that can be changed is taken over, by its name in the contract. */
const fields: Readonly<Record<string, (content: OpContent) => StatedChange>> = {
  description: ({ description }) => set({ description }),
  labels: ({ labels }) => set({ labels }),
  version_name: ({ versionName }) => set({ versionName }),
  inputs: ({ inputs }) => set({ inputs: { specs: inputs.specs } }),
  allow_extra_inputs: ({ inputs }) => set({ inputs: { allowExtra: inputs.allowExtra } }),
  outputs: ({ outputs }) => set({ outputs }),
  image: ({ image }) => set({ image }),
  handler: ({ handler }) => set({ handler }),
  retry: ({ retry }) => (retry === undefined ? cleared("retry") : set({ retry })),
  timeouts: ({ timeouts }) => (timeouts === undefined ? cleared("timeouts") : set({ timeouts })),
  resources: ({ resources }) => (resources === undefined ? cleared("resources") : set({ resources })),
  placement: ({ placement }) => (placement === undefined ? cleared("placement") : set({ placement })),
  delivery: ({ delivery }) => (delivery === undefined ? cleared("delivery") : set({ delivery })),
};

function set(change: OpChange): StatedChange {
  return { set: change, cleared: [] };
}

function cleared(field: Clearable): StatedChange {
  return { set: {}, cleared: [field] };
}

/** What an UpdateOp changes. With a mask exactly its fields, without one what is set in the op. */
export function fromOpChange(message: OpMessage, mask: FieldMask | undefined, faults: Faults): StatedChange {
  const content = faults.within("op", () => fromOp(message, faults));
  const names = mask === undefined ? statedFields(content) : maskedFields(mask, faults);
  const changes = names.map((name) => fields[name]?.(content) ?? set({}));
  const inputs = changes.reduce((all, change) => ({ ...all, ...change.set.inputs }), {});
  const all = changes.reduce<OpChange>((total, change) => ({ ...total, ...change.set }), {});
  return {
    set: Object.keys(inputs).length === 0 ? all : { ...all, inputs },
    cleared: changes.flatMap((change) => change.cleared).sort(),
  };
}

function maskedFields({ paths }: FieldMask, faults: Faults): readonly string[] {
  if (paths.length === 1 && paths[0] === "*") return Object.keys(fields);
  return faults.within("update_mask", () =>
    faults.each("paths", [...paths], (path) => {
      if (!Object.hasOwn(fields, path)) {
        faults.add(`must be one of ${Object.keys(fields).join(", ")}, or * for all of them; it is ${path}`);
      }
      return path;
    }),
  );
}

function statedFields(content: OpContent): readonly string[] {
  return Object.keys(fields).filter((name) => {
    switch (name) {
      case "inputs":
        return Object.keys(content.inputs.specs).length > 0;
      case "allow_extra_inputs":
        return content.inputs.allowExtra;
      case "version_name":
        return content.versionName !== "";
      case "labels":
      case "outputs":
        return Object.keys(content[name]).length > 0;
      default: {
        const value = content[name as keyof OpContent];
        return value !== undefined && value !== "";
      }
    }
  });
}
