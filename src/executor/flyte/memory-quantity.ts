const bytesByUnit: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * An amount of memory as Kubernetes writes it (`512Mi`, `2G`, `1e9`), in MB of 1,048,576 bytes, rounded up;
 * undefined for a text that is none, and for nothing.
 */
export function toMegabytes(quantity: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?(?:[eE]\d+)?)([a-zA-Z]*)$/.exec(quantity.trim()) ?? [];
  const bytes = Number(digits) * (bytesByUnit[unit] ?? Number.NaN);
  return bytes > 0 && Number.isFinite(bytes) ? Math.ceil(bytes / 2 ** 20) : undefined;
}
