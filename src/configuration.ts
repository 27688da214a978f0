import type { Option } from "./configuration-option.ts";
import type { LogFormat, LogLevel } from "./observe/log.ts";
import { logFormats, logLevels } from "./observe/log.ts";

/** Where the embedded store keeps its data, or that nothing is kept. */
export const storeKinds = ["embedded", "memory"] as const;
export type StoreKind = (typeof storeKinds)[number];

/** Whether webhooks may lead into private networks; `auto` if only this machine can reach the server. */
export const privateTargets = ["auto", "always", "never"] as const;
export type PrivateTargets = (typeof privateTargets)[number];

/** What the server runs with. Every value is within the bounds of its row in {@link options}. */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  readonly store: StoreKind;
  readonly data: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly drainTimeoutMs: number;
  readonly leaseMs: number;
  readonly pulseIntervalMs: number;
  readonly acceptTimeoutMs: number;
  readonly bookmarkIntervalMs: number;
  /** 0 means for ever. */
  readonly feedRetentionMs: number;
  /** 0 means a multiple of `feedRetentionMs`. */
  readonly feedRetentionSubscribedMs: number;
  /** 0 means any number. */
  readonly feedRetentionEventsMax: number;
  readonly allowedOrigins: readonly string[];
  /** "" for none: every caller is anonymous then. */
  readonly tokensFile: string;
  readonly allowPrivateTargets: PrivateTargets;
  /** "" for where the server listens. */
  readonly publicUrl: string;
  /** "" for a folder `flyte` in `data`. */
  readonly flyteFolder: string;
  readonly natsServers: readonly string[];
  /** "" for none. */
  readonly natsCredentials: string;
}

/** Every option there is, in the order in which help and documentation show them. */
export const options: readonly (Option & { readonly key: keyof Configuration })[] = [
  {
    key: "host",
    type: "text",
    default: "127.0.0.1",
    lengthMax: 255,
    sentence: "The address to listen on; 0.0.0.0 listens on every IPv4 address of the machine.",
  },
  {
    key: "port",
    type: "integer",
    default: 7233,
    min: 0,
    max: 65_535,
    sentence: "The port to listen on, for every protocol; 0 takes any free port.",
  },
  {
    key: "store",
    type: "choice",
    default: "embedded",
    choices: storeKinds,
    sentence:
      "Where runs are kept: in files of this machine, or in memory, which forgets all when the server stops.",
  },
  {
    key: "data",
    type: "text",
    default: "./data",
    lengthMax: 4_096,
    sentence: "The folder of the embedded store; it is made when it does not exist.",
  },
  {
    key: "logLevel",
    type: "choice",
    default: "info",
    choices: logLevels,
    sentence: "The least important lines that are logged.",
  },
  {
    key: "logFormat",
    type: "choice",
    default: "json",
    choices: logFormats,
    sentence: "How a log line looks: a JSON object, or a sentence for people.",
  },
  {
    key: "drainTimeoutMs",
    type: "integer",
    unit: "ms",
    default: 8_000,
    min: 0,
    max: 600_000,
    sentence: "How long a stopping server waits for calls in progress before it cuts them.",
  },
  {
    key: "leaseMs",
    type: "integer",
    unit: "ms",
    default: 15_000,
    min: 1_000,
    max: 3_600_000,
    sentence: "How long an attempt stays with a worker that has gone silent.",
  },
  {
    key: "pulseIntervalMs",
    type: "integer",
    unit: "ms",
    default: 5_000,
    min: 100,
    max: 600_000,
    sentence: "How often server and worker send each other a pulse on a quiet stream.",
  },
  {
    key: "acceptTimeoutMs",
    type: "integer",
    unit: "ms",
    default: 10_000,
    min: 100,
    max: 600_000,
    sentence: "How long a worker may take to accept or decline an assignment before it goes to another.",
  },
  {
    key: "bookmarkIntervalMs",
    type: "integer",
    unit: "ms",
    default: 5_000,
    min: 100,
    max: 600_000,
    sentence: "How often a feed without matching events sends a bookmark.",
  },
  {
    key: "feedRetentionMs",
    type: "integer",
    unit: "ms",
    default: 0,
    min: 0,
    max: 3_153_600_000_000,
    sentence: "How long events are kept in the feed; 0 keeps them for ever.",
  },
  {
    key: "feedRetentionSubscribedMs",
    type: "integer",
    unit: "ms",
    default: 0,
    min: 0,
    max: 3_153_600_000_000,
    sentence:
      "How long events are kept that a subscription has not dealt with, if that is longer than " +
      "feedRetentionMs; 0 means 4 times that.",
  },
  {
    key: "feedRetentionEventsMax",
    type: "integer",
    default: 0,
    min: 0,
    max: 1_000_000_000_000,
    sentence:
      "How many events are kept in the feed, beside those of the last minute and what subscriptions have " +
      "not dealt with; 0 keeps any number.",
  },
  {
    key: "allowedOrigins",
    type: "list",
    default: [],
    itemsMax: 64,
    lengthMax: 255,
    sentence:
      "The web origins whose pages may call the server, such as https://app.example.com; * allows all.",
  },
  {
    key: "tokensFile",
    type: "text",
    default: "",
    lengthMax: 4_096,
    sentence:
      "The file of the tokens that callers must have, as signalbox token create makes it; without one " +
      "every caller is anonymous, and the server listens on loopback only.",
  },
  {
    key: "allowPrivateTargets",
    type: "choice",
    default: "auto",
    choices: privateTargets,
    sentence:
      "Whether webhooks may be addresses of this machine and of private networks; auto means yes if the " +
      "server listens on loopback only.",
  },
  {
    key: "publicUrl",
    type: "text",
    default: "",
    lengthMax: 1_024,
    sentence:
      "The address under which people reach the server, such as https://signalbox.example.com; answer links " +
      "lead there. Without one it is the address that the server listens on.",
  },
  {
    key: "flyteFolder",
    type: "text",
    default: "",
    lengthMax: 4_096,
    sentence:
      "The folder that Flyte's clients and workers exchange files in; without one it is flyte in the folder " +
      "of the store.",
  },
  {
    key: "natsServers",
    type: "list",
    default: [],
    itemsMax: 16,
    lengthMax: 1_024,
    sentence:
      "Where NATS with JetStream is, such as nats://127.0.0.1:4222, for subscriptions that publish to it.",
  },
  {
    key: "natsCredentials",
    type: "text",
    default: "",
    lengthMax: 4_096,
    sentence: "The file of credentials (.creds) to connect to NATS with.",
  },
];

/** A rule across several options, checked once each of them is well-formed on its own. */
export interface Agreement {
  readonly keys: readonly (keyof Configuration)[];
  readonly holds: (configuration: Configuration) => boolean;
  /** What must hold, with the reason. */
  readonly sentence: string;
}

/** Every rule across options. */
export const agreements: readonly Agreement[] = [
  {
    keys: ["pulseIntervalMs", "leaseMs"],
    holds: ({ pulseIntervalMs, leaseMs }) => pulseIntervalMs * 2 <= leaseMs,
    sentence: "pulseIntervalMs must be at most half of leaseMs, so that one lost pulse does not cost a lease",
  },
  {
    keys: ["host", "tokensFile"],
    holds: ({ host, tokensFile }) => tokensFile !== "" || isLoopback(host),
    sentence: "host must be a loopback address unless there is a tokensFile, so that strangers cannot call",
  },
  {
    keys: ["publicUrl"],
    holds: ({ publicUrl }) => publicUrl === "" || isPlainAddress(publicUrl),
    sentence:
      "publicUrl must be an address of http or https without user, query and fragment, so that links can " +
      "be made by adding to it",
  },
];

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function isPlainAddress(address: string): boolean {
  if (!/^https?:\/\//.test(address) || !URL.canParse(address)) return false;
  const { username, password } = new URL(address);
  return username === "" && password === "" && !/[?#\s]/.test(address);
}
