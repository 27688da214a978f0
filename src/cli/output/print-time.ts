/** A time of day with milliseconds, and with its date unless it is today's. */
export function printTime(time: Date | undefined, now: Date = new Date()): string {
  if (time === undefined) {
    return "";
  }
  const pad = (number: number, length = 2) => String(number).padStart(length, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => pad(part)).join(":");
  const date = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())} `;
  const isToday = time.toDateString() === now.toDateString();
  return `${isToday ? "" : date}${clock}.${pad(time.getMilliseconds(), 3)}`;
}
