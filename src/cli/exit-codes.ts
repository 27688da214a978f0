/** What the exit code of the `signalbox` command says, so that scripts can branch on it. */
export const exitCodes = {
  ok: 0,
  /** The run that was waited for or watched ended without success; what was verified is not kept. */
  runNotSucceeded: 1,
  /** The command line, a file or a value makes no sense; nothing was asked of the server. */
  usage: 2,
  /** The server declined. */
  refused: 3,
  /** The server knows nothing of the name that was asked for. */
  notFound: 4,
  /** The server cannot be reached, or failed to answer. */
  unavailable: 5,
  /** A mistake in the command itself. */
  broken: 70,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** One of the codes above. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The codes with what they mean, for help and documentation. */
export const exitCodeMeanings: readonly { readonly code: ExitCode; readonly meaning: string }[] = [
  { code: exitCodes.ok, meaning: "done" },
  {
    code: exitCodes.runNotSucceeded,
    meaning:
      "the run ended FAILED, TIMED_OUT or CANCELLED (run --wait, watch), or a promise is broken (feed verify, conformance)",
  },
  { code: exitCodes.usage, meaning: "a mistake in the command line, a file or a value" },
  { code: exitCodes.refused, meaning: "the server declined; the reason and its facts are on stderr" },
  { code: exitCodes.notFound, meaning: "the server knows nothing of the name that was asked for" },
  { code: exitCodes.unavailable, meaning: "the server cannot be reached, or failed to answer" },
  { code: exitCodes.broken, meaning: "a mistake in the command itself" },
  { code: exitCodes.interrupted, meaning: "interrupted by Ctrl-C" },
];
