/**
 * The formats that are checked, by name; all others say nothing. Each is one look at the text, and no
 * expression in here repeats what repeats.
 */
export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  date: isDate,
  time: isTime,
  "date-time": (text) => {
    const parts = /^([^Tt ]{10})[Tt](.+)$/.exec(text);
    return parts !== null && isDate(parts[1] ?? "") && isTime(parts[2] ?? "");
  },
  email: (text) => /^[^\s@]{1,64}@[^\s@]{1,255}$/.test(text),
  uuid: (text) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text),
  uri: (text) => /^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`]*$/i.test(text),
  ipv4: isIpv4,
  ipv6: isIpv6,
};

function isDate(text: string): boolean {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (parts === null) return false;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  if (month < 1 || month > 12 || day < 1) return false;
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return day <= (days[month - 1] ?? 0);
}

function isTime(text: string): boolean {
  const parts = /^(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,12})?(?:[Zz]|[+-](\d{2}):(\d{2}))$/.exec(text);
  if (parts === null) return false;
  const [hours, minutes, seconds] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  if (Number(parts[4] ?? 0) > 23 || Number(parts[5] ?? 0) > 59) return false;
  return hours <= 23 && minutes <= 59 && seconds <= 60;
}

function isIpv4(text: string): boolean {
  const parts = text.split(".", 5);
  return (
    parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
  );
}

function isIpv6(text: string): boolean {
  if (text.length > 45) return false;
  const [head = "", tail, ...others] = text.split("::");
  if (others.length > 0) return false;
  const groups = [...(head === "" ? [] : head.split(":")), ...(tail ? tail.split(":") : [])];
  const last = groups.at(-1) ?? "";
  const endsAsIpv4 = last.includes(".");
  if (endsAsIpv4 && !isIpv4(last)) return false;
  const count = groups.length + (endsAsIpv4 ? 1 : 0);
  const plain = endsAsIpv4 ? groups.slice(0, -1) : groups;
  if (!plain.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return false;
  return tail === undefined ? count === 8 : count <= 7;
}
