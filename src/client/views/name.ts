import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";

/** The names of an enum of the contract, as the state `RUNNING`. */
export type NameOf<E extends Readonly<Record<string, number>>> = keyof E & string;

/** Makes the function that names an enum's numbers; one that this version does not know is `UNSPECIFIED`. */
export function naming<E extends Readonly<Record<string, number>>>(
  numbers: E,
): (number: number) => NameOf<E> {
  const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name as NameOf<E>]));
  return (number) => names.get(number) ?? "UNSPECIFIED";
}

/** The time of a timestamp, in milliseconds; undefined stays what it is. */
export function toDate(timestamp: Timestamp | undefined): Date | undefined {
  return timestamp === undefined ? undefined : timestampDate(timestamp);
}
