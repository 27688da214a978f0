import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../../../engine/clock.ts";
import type { EngineLog } from "../../../engine/log.ts";
import type { PlainService } from "../../carrier/adapter.ts";
import type { HttpRequest, HttpResponse } from "../../carrier/port.ts";
import { type Blobs, BlobUnreadable } from "../blobs.ts";
import { type Place, PlaceSigner } from "./place.ts";
import { receiveFile, UploadRefused } from "./receive-file.ts";

/** The path of all places; a signed text follows, then the name of the file, which nobody looks at. */
export const transferPath = "/flyte/files/";

/** What transfers are made from. */
export interface TransfersOptions {
  readonly blobs: Blobs;
  /** The store's key for links. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  readonly log: EngineLog;
  /** Where clients reach the server; "" for where they called it. */
  readonly publicUrl: string;
}

/**
 * Places where clients put files to and get them from over plain HTTP, under signed addresses. A file that is
 * put is there whole or not at all.
 */
export class Transfers {
  readonly #options: TransfersOptions;
  readonly #signer: PlaceSigner;

  constructor(options: TransfersOptions) {
    this.#options = options;
    this.#signer = new PlaceSigner(options.key);
  }

  /** The address of a place, for a client that called the server under this one. It is a secret. */
  mint(place: Place, calledUrl: string): string {
    const { publicUrl } = this.#options;
    const base = publicUrl === "" ? new URL(calledUrl).origin : publicUrl.replace(/\/+$/, "");
    const name = encodeURIComponent(place.path.slice(place.path.lastIndexOf("/") + 1));
    return `${base}${transferPath}${this.#signer.print(place)}/${name}`;
  }

  /** Where a file will be, once it was put to a path. */
  fileOf(path: string): string {
    return join(this.#options.blobs.folder, ...path.split("/"));
  }

  /** The path of a file of the folder, for a place. Throws BlobUnreadable. */
  async pathOf(uri: string): Promise<string> {
    const { blobs } = this.#options;
    const real = await blobs.pathOf(uri);
    return relative(blobs.folder, real).split(sep).join("/");
  }

  /** Serves PUT and GET of the places. */
  readonly serve: PlainService = (request, response) => {
    const [path = ""] = (request.url ?? "").split("?", 1);
    // A proxy may pass on the path that leads to it.
    const prefix = [transferPath, `${this.#pathPrefix}${transferPath}`].find((start) =>
      path.startsWith(start),
    );
    if (prefix === undefined) return false;
    const [text = ""] = path.slice(prefix.length).split("/");
    void this.#answer(text, request, response);
    return true;
  };

  get #pathPrefix(): string {
    const { publicUrl } = this.#options;
    return publicUrl === "" ? "" : new URL(publicUrl).pathname.replace(/\/+$/, "");
  }

  async #answer(text: string, request: HttpRequest, response: HttpResponse): Promise<void> {
    try {
      await this.#serve(this.#signer.read(text), request, response);
    } catch (error) {
      if (error instanceof UploadRefused) return reply(request, response, error.status, error.message);
      if (error instanceof BlobUnreadable) return reply(request, response, 404, "there is no such file");
      // A client that goes away in the middle is no event.
      if (request.destroyed || response.destroyed) {
        response.destroy();
        return;
      }
      this.#options.log.error({ err: error }, "a file could not be transferred");
      reply(request, response, 500, "internal error");
    }
  }

  async #serve(place: Place | undefined, request: HttpRequest, response: HttpResponse): Promise<void> {
    const { clock, blobs } = this.#options;
    if (place === undefined) return reply(request, response, 403, "the address is not valid");
    if (clock.nowMs() >= place.expireMs) return reply(request, response, 403, "the address has expired");
    const { method = "" } = request;
    if (place.use === "put" && (method === "PUT" || method === "POST")) {
      const file = this.fileOf(place.path);
      const draft = await blobs.newDraft();
      await receiveFile(request, { file, draft, folder: blobs.folder, place });
      return reply(request, response, 200, "");
    }
    if (place.use !== "get" || (method !== "GET" && method !== "HEAD")) {
      return reply(request, response, 405, "the address is for another method");
    }
    const file = await blobs.pathOf(this.fileOf(place.path));
    request.resume();
    setHead(response, 200, {
      "content-type": typeOf(file),
      "content-length": String((await stat(file)).size),
    });
    // Reports are pages of whoever wrote the task: they may do nothing in the name of this server.
    setHead(response, 200, {
      "content-security-policy": "sandbox allow-scripts",
      "x-content-type-options": "nosniff",
    });
    if (method === "HEAD") response.end();
    else await pipeline(createReadStream(file), response as NodeJS.WritableStream);
  }
}

function typeOf(file: string): string {
  return file.endsWith(".html") ? "text/html; charset=utf-8" : "application/octet-stream";
}

function reply(request: HttpRequest, response: HttpResponse, status: number, message: string): void {
  request.resume();
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = message === "" ? "" : `${message}\n`;
  setHead(response, status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
  });
  response.end(body);
}

function setHead(response: HttpResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}
