import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type Any, AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";

/** A `google.rpc.Status`, as the trailer `grpc-status-details-bin` carries it. */
export interface StatusDetails {
  readonly code: number;
  readonly message: string;
  /** The details of one type. */
  find<Desc extends DescMessage>(schema: Desc): MessageShape<Desc>[];
}

/** Reads the trailer field by field, so that it is proved without the library that wrote it. */
export function readStatusDetails(bytes: Uint8Array | string | undefined): StatusDetails {
  if (!(bytes instanceof Uint8Array)) throw new Error("there is no grpc-status-details-bin");
  const reader = new BinaryReader(bytes);
  let code = 0;
  let message = "";
  const details: Any[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) code = reader.int32();
    else if (field === 2) message = reader.string();
    else if (field === 3) details.push(fromBinary(AnySchema, reader.bytes()));
    else reader.skip(wireType);
  }
  return {
    code,
    message,
    find: (schema) => details.flatMap((detail) => anyUnpack(detail, schema) ?? []),
  };
}
