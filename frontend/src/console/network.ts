/** What a ban of an address covers: the address itself, or the /64 of an IPv6 one, as the server will name it. */

export function networkOf(written: string): string {
  const text = written.trim();
  if (!text.includes(":") || text.includes("/")) return text;
  const groups = groupsOf(text);
  if (groups === null) return text;
  // Mapped IPv4 is IPv4 again.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 255, low >> 8, low & 255].join(".");
  }
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${canonical(`${prefix.join(":")}::`)}/64`;
}

/** Eight numbers; null if it is no IPv6 address. */
function groupsOf(text: string): readonly number[] | null {
  const host = canonical(text.split("%")[0] ?? "");
  if (host === null) return null;
  const [head = "", tail] = host.split("::");
  const read = (part: string) => part.split(":").filter(Boolean);
  const [front, back] = [read(head), read(tail ?? "")];
  const missing = tail === undefined ? 0 : 8 - front.length - back.length;
  const all = [...front, ...Array<string>(missing).fill("0"), ...back];
  return all.map((group) => Number.parseInt(group, 16));
}

/** Browsers write the host of an address in the shortest form, as the server does. */
function canonical(text: string): string | null {
  try {
    return new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return null;
  }
}
