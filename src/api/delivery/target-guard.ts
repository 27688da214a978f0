import { type LookupAddress, lookup as lookUp } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** Networks that are not the public one: of this machine, of its neighbours, and those that lead to them. */
const insideV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];
/** The same for IPv6. Addresses that wrap one of IPv4 are all among them, wherever they lead. */
const insideV6 = [
  "::/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];

const inside = new BlockList();
for (const network of insideV4) addNetwork(network, "ipv4");
for (const network of insideV6) addNetwork(network, "ipv6");

function addNetwork(network: string, family: "ipv4" | "ipv6"): void {
  const [address = "", bits] = network.split("/");
  inside.addSubnet(address, Number(bits), family);
}

/** True for an IP address that no stranger may have this server connect to. */
export function isInside(address: string): boolean {
  return inside.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** The server may not connect to an address: it is inside. */
export class AddressForbidden extends Error {
  readonly code = "ADDRESS_FORBIDDEN";

  constructor(address: string) {
    super(`${address} is an address inside, which this server does not send to`);
    this.name = "AddressForbidden";
  }
}

/**
 * Keeps what callers have the server connect to outside of its own networks. Names are looked at twice: when
 * they are said, and at every connection, with the very addresses that it goes to. What a name leads to can
 * change in between, and between a look and a connection of its own.
 */
export class TargetGuard {
  readonly #allowsInside: boolean;

  constructor({ allowsInside }: { readonly allowsInside: boolean }) {
    this.#allowsInside = allowsInside;
  }

  /** The address, if a URL leads inside. A name that leads nowhere at the moment is let pass. */
  async forbidden(url: string): Promise<string | undefined> {
    if (this.#allowsInside) return undefined;
    const host = hostOf(url);
    if (isIP(host) !== 0) return isInside(host) ? host : undefined;
    const addresses = await new Promise<readonly LookupAddress[]>((resolve) => {
      lookUp(host, { all: true }, (error, found) => resolve(error === null ? found : []));
    });
    const found = addresses.find(({ address }) => isInside(address));
    return found === undefined ? undefined : `${host} (${found.address})`;
  }

  /** Throws AddressForbidden if the host of a URL is an IP address inside: such a host is not looked up. */
  check(url: string): void {
    const host = hostOf(url);
    if (!this.#allowsInside && isIP(host) !== 0 && isInside(host)) throw new AddressForbidden(host);
  }

  /** For sockets: looks a name up, and fails with AddressForbidden if one of its addresses is inside. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const found = this.#allowsInside ? undefined : addresses.find(({ address }) => isInside(address));
      const [first] = addresses;
      if (found !== undefined) callback(new AddressForbidden(`${hostname} (${found.address})`), []);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? "", first?.family ?? 4);
    });
  };
}

/** The host of a URL; an IPv6 address without its brackets. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
}
