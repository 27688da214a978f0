import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A post as it came. */
export interface ReceivedPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What is answered to a post; undefined never answers. */
export type PostAnswer = { readonly status: number; readonly headers?: Record<string, string> } | undefined;

/** A receiver of posts in this process, on a free port, that answers what a test says and keeps what came. */
export class WebhookReceiver {
  readonly posts: ReceivedPost[] = [];
  /** Says what is answered; 204 unless a test says otherwise. */
  answer: (post: ReceivedPost) => PostAnswer = () => ({ status: 204 });
  /** How many posts were in work at once at the most. */
  busiest = 0;
  readonly #server: Server;
  #inWork = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on("request", (request, response) => {
      receiver.#inWork += 1;
      receiver.busiest = Math.max(receiver.busiest, receiver.#inWork);
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      request.on("end", () => {
        const post = { path: request.url ?? "", headers: request.headers, body };
        receiver.posts.push(post);
        const answer = receiver.answer(post);
        receiver.#inWork -= 1;
        if (answer !== undefined) response.writeHead(answer.status, answer.headers).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  /** Where it receives, with a path. */
  url(path = "/hook"): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
