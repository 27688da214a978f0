let shared = false;

/**
 * Makes every `AbortController.abort()` without a reason use one and the same reason in this process.
 *
 * The platform makes a new DOMException with a stack for each of them, and Connect aborts a controller at the
 * end of every call: that was a tenth of a call's cost, and most of it the stack. What changes for others is
 * only that the stack of such a reason says nothing about where the abort came from. Calling it again does
 * nothing.
 */
export function shareAbortReason(): void {
  if (shared) {
    return;
  }
  shared = true;
  const reason = new DOMException("This operation was aborted", "AbortError");
  const abort = AbortController.prototype.abort;
  AbortController.prototype.abort = function abortWithSharedReason(given?: unknown): void {
    abort.call(this, given === undefined ? reason : given);
  };
}
