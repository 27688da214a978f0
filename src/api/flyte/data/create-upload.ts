import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CreateUploadLocationRequest,
  CreateUploadLocationResponseSchema,
} from "../../../../gen/flyteidl2/dataproxy/dataproxy_service_pb.ts";
import { fromDuration, toTimestamp } from "../../mapping/time.ts";
import { invalid } from "../faults.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { toNamespace } from "../names.ts";
import {
  linkLifetimeMs,
  linkLifetimeMsMax,
  pathBytesMax,
  pathPartBytesMax,
  uploadBytesMax,
} from "./data-limits.ts";

/**
 * A place to put a file, which then is `native_url` for tasks. Files with the same root stand together;
 * without one those with the same MD5 do, which are the same. Ends the call with INVALID_ARGUMENT for a name
 * that leads elsewhere, and for a file that is too long.
 */
export function createUploadLocation(
  { transfers, clock }: FlyteParts,
  request: CreateUploadLocationRequest,
  calledUrl: string,
): MessageInitShape<typeof CreateUploadLocationResponseSchema> {
  const { contentMd5, contentLength, filename, filenameRoot, expiresIn } = request;
  const namespace = toNamespace(request);
  if (contentMd5.byteLength !== 0 && contentMd5.byteLength !== 16) {
    throw invalid("content_md5 must have 16 bytes");
  }
  if (contentLength > BigInt(uploadBytesMax))
    throw invalid(`the file is longer than ${uploadBytesMax} bytes`);
  const md5 = Buffer.from(contentMd5);
  const root = filenameRoot || (md5.byteLength === 0 ? randomUUID() : md5.toString("hex"));
  const name = filename || randomUUID();
  const path = ["uploads", namespace, ...partsOf("filename_root", root), ...partsOf("filename", name)].join(
    "/",
  );
  if (Buffer.byteLength(path) > pathBytesMax)
    throw invalid(`the path must have at most ${pathBytesMax} bytes`);
  const lifetimeMs = Math.min(fromDuration(expiresIn) || linkLifetimeMs, linkLifetimeMsMax);
  const expireMs = clock.nowMs() + lifetimeMs;
  const sizeBytesMax = contentLength > 0n ? Number(contentLength) : uploadBytesMax;
  const place = { use: "put", path, expireMs, sizeBytesMax, md5: md5.toString("base64") } as const;
  return {
    signedUrl: transfers.mint(place, calledUrl),
    nativeUrl: transfers.fileOf(path),
    expiresAt: toTimestamp(expireMs),
    headers: md5.byteLength === 0 ? {} : { "Content-MD5": md5.toString("base64") },
  };
}

/** The parts of a path that stays below where it begins. */
function partsOf(field: string, path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  for (const part of parts) {
    const isPlain = part !== "." && part !== ".." && !/[\p{Cc}\\]/u.test(part);
    if (isPlain && Buffer.byteLength(part) <= pathPartBytesMax) continue;
    throw invalid(`${field} must be a path of plain names`);
  }
  return parts;
}
