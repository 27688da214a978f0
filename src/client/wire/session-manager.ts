import type { ClientHttp2Session } from "node:http2";
import { Http2SessionManager } from "@connectrpc/connect-node";

/** What a session manager becomes; only a state with an open connection has a session. */
interface ManagerState {
  readonly conn?: Promise<ClientHttp2Session> | ClientHttp2Session;
}

/** How the manager goes from one state to the next: a method of its own that its types do not show. */
interface Manager {
  setState(state: ManagerState): void;
}

/**
 * Keeps the connection of a transport. connect-node stops listening to a connection when it lets go of it;
 * one that is being destroyed at that moment (the server has just said goodbye) reports an error to nobody,
 * which ends the process. Here somebody always listens.
 */
export function keepSessions(
  ...options: ConstructorParameters<typeof Http2SessionManager>
): Http2SessionManager {
  const sessions = new Http2SessionManager(...options);
  const manager = sessions as unknown as Manager;
  const setState = manager.setState.bind(sessions);
  manager.setState = (state) => {
    const { conn } = state;
    if (conn !== undefined && "on" in conn) conn.on("error", ignore);
    setState(state);
  };
  return sessions;
}

/** Whoever waits for the connection hears of it from the manager. */
function ignore(): void {}
