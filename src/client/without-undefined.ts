/** The same fields, of which those that may be undefined may be missing instead. */
type Defined<F> = { [K in keyof F as undefined extends F[K] ? never : K]: F[K] } & {
  [K in keyof F as undefined extends F[K] ? K : never]?: Exclude<F[K], undefined>;
};

/** The fields that have a value, as messages and options want them: what is undefined is left out. */
export function withoutUndefined<F extends object>(fields: F): Defined<F> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<F>;
}
