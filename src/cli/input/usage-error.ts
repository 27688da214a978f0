/**
 * What was typed, or stands in a file, makes no sense. The message says what and, where possible, what would.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
