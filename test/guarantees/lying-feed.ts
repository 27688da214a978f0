import { createRouterTransport, type Transport } from "@connectrpc/connect";
import {
  EventService,
  type ListEventsResponse,
  type WatchEventsRequest,
  type WatchEventsResponse,
} from "../../gen/signalbox/v1/event_service_pb.ts";
import type { TestServer } from "../support/test-server.ts";

type Frames = AsyncIterable<WatchEventsResponse>;

/** What a server says that does not keep its promises. What it does not lie about comes as it is. */
export interface Lie {
  /** The frames of a stream. */
  readonly watch?: (frames: Frames, request: WatchEventsRequest) => Frames;
  /** A page of the feed. */
  readonly list?: (page: ListEventsResponse) => ListEventsResponse;
}

/** A transport to a server whose feed lies on the way. */
export function lyingTransport(server: TestServer, { watch, list }: Lie): Transport {
  return createRouterTransport(({ service }) => {
    service(EventService, {
      watchEvents(request, { signal }) {
        const frames = server.events.watchEvents(request, { signal });
        return watch === undefined ? frames : watch(frames, request);
      },
      async listEvents(request, { signal }) {
        const page = await server.events.listEvents(request, { signal });
        return list === undefined ? page : list(page);
      },
      describeFeed: (request) => server.events.describeFeed(request),
    });
  });
}

/** Leaves a frame out. */
export async function* without(frames: Frames, isLeftOut: (frame: WatchEventsResponse) => boolean): Frames {
  for await (const frame of frames) if (!isLeftOut(frame)) yield frame;
}

/** Makes others of some frames. */
export async function* replaced(
  frames: Frames,
  replace: (frame: WatchEventsResponse) => readonly WatchEventsResponse[],
): Frames {
  for await (const frame of frames) yield* replace(frame);
}

/** Has the events of each frame that is chosen change places with those of the next. */
export async function* swapped(frames: Frames, isFirst: (frame: WatchEventsResponse) => boolean): Frames {
  let held: WatchEventsResponse | undefined;
  for await (const frame of frames) {
    if (held !== undefined && frame.events.length > 0) {
      yield { ...held, events: frame.events };
      yield { ...frame, events: held.events };
      held = undefined;
    } else if (held === undefined && isFirst(frame)) held = frame;
    else yield frame;
  }
}
