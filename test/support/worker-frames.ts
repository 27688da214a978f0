import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AttachRequestSchema, AttachResponse } from "../../gen/signalbox/v1/worker_service_pb.ts";

/** A frame as a worker writes it: its case and its content. */
export type WorkerFrame = NonNullable<MessageInitShape<typeof AttachRequestSchema>["frame"]>;

type ServerFrame = Exclude<AttachResponse["frame"], { case: undefined }>;
type FrameCase = ServerFrame["case"];
type FrameOf<Case extends FrameCase> = Extract<ServerFrame, { case: Case }>["value"];

/** The frames that a server sent on one worker stream, to be taken by kind. */
export class WorkerFrames {
  readonly #frames: ServerFrame[] = [];
  readonly #ended = Promise.withResolvers<unknown>();
  #look: (() => void) | undefined;
  #isOver = false;

  /** Adds what the stream gave. */
  push({ frame }: AttachResponse): void {
    if (frame.case !== undefined) this.#frames.push(frame);
    this.#look?.();
  }

  /** The stream is over: ended by the server, or broken by an error. */
  end(error?: unknown): void {
    this.#isOver = true;
    this.#ended.resolve(error);
    this.#look?.();
  }

  /** Resolves when the stream is over, with its error if it broke. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** Takes the oldest frame of a kind, and waits for it if need be. One caller at a time. */
  async next<Case extends FrameCase>(kind: Case): Promise<FrameOf<Case>> {
    for (;;) {
      const index = this.#frames.findIndex((frame) => frame.case === kind);
      const [frame] = index < 0 ? [] : this.#frames.splice(index, 1);
      if (frame !== undefined) return frame.value as FrameOf<Case>;
      if (this.#isOver) throw new Error(`the stream ended before ${kind}`, { cause: await this.ended });
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }
}
