/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins. */
  readonly nextPageToken: string;
  /** True if nothing lies behind this page, as far as is known. */
  readonly last: boolean;
}

/** Which page is wanted. */
export interface PageOptions {
  /**
   * How many items at most; a page may be shorter, even empty, with others behind it. The server's 100 unless
   * said.
   */
  readonly size?: number;
  /** What the page before gave; the first page unless said. */
  readonly token?: string;
}

/** A list: iterate over it for everything in it, or take page after page. Each iteration reads anew. */
export interface Pages<T> extends AsyncIterable<T> {
  page(options?: PageOptions): Promise<Page<T>>;
  pages(options?: PageOptions): AsyncIterable<Page<T>>;
  /** Everything in one array. */
  all(): Promise<T[]>;
}

/** Makes a list out of the call that reads one page of it. */
export function listPages<T>(read: (page: Required<PageOptions>) => Promise<Page<T>>): Pages<T> {
  const page = ({ size = 0, token = "" }: PageOptions = {}) => read({ size, token });
  async function* pages({ size = 0, token = "" }: PageOptions = {}): AsyncGenerator<Page<T>> {
    for (let next = token; ; ) {
      const answer = await page({ size, token: next });
      yield answer;
      if (answer.last) {
        return;
      }
      next = answer.nextPageToken;
    }
  }
  async function* items(): AsyncGenerator<T> {
    for await (const answer of pages()) {
      yield* answer.items;
    }
  }
  async function all(): Promise<T[]> {
    const everything: T[] = [];
    for await (const { items: some } of pages()) {
      everything.push(...some);
    }
    return everything;
  }
  return { page, pages, all, [Symbol.asyncIterator]: items };
}
