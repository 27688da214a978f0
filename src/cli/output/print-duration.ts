/** How long something took: `350ms`, `4.2s`, `2m05s`, `3h20m`, `4d02h`. */
export function printDuration(ms: number): string {
  if (ms < 1_000) {
    return `${Math.max(0, Math.round(ms))}ms`;
  }
  if (ms < 59_950) {
    return `${(ms / 1_000).toFixed(1)}s`;
  }
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) {
    return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) {
    return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
  }
  return `${Math.floor(minutes / 1_440)}d${pad(Math.floor(minutes / 60) % 24)}h`;
}

/** How long ago something was, in one unit: `42s`, `3m`, `5h`, `12d`. */
export function printAge(since: Date | undefined, now: Date): string {
  if (since === undefined) {
    return "";
  }
  const seconds = Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1_000));
  if (seconds < 60) {
    return `${seconds}s`;
  }
  if (seconds < 3_600) {
    return `${Math.floor(seconds / 60)}m`;
  }
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
