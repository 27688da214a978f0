/** A receiver of webhooks: notes each post, then takes it. Usage: webhook-process.ts PORT LOG */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ReceivedLog } from "./received.ts";

const [port = "0", path = ""] = process.argv.slice(2);
const log = new ReceivedLog(path);
const server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  request.on("end", () => {
    const { id, data } = JSON.parse(text) as { id: string; data: { runId: string } };
    log.add({ id, runId: data.runId, text });
    response.writeHead(204).end();
  });
});
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`ready ${(server.address() as AddressInfo).port}`);
});
