/** Mailed links lead to `/`, which is the race. This hands them over to the sign-in, and is all the race has to do with it. */

export interface Place {
  readonly search: string;
  /** Leaves the page. */
  leave(url: string): void;
  /** Stays, at another address. */
  rename(url: string): void;
}

const RACE = "/";
const TIMEOUT = 10_000;

const browserPlace: Place = {
  get search() {
    return location.search;
  },
  leave: (url) => location.replace(url),
  rename: (url) => history.replaceState(null, "", url),
};

/** True if this page is about to be left. The link goes on in the fragment, which no server is ever told. Where the
 * generators are switched off there is nothing to sign in to: then the link is forgotten, and the race begins. */
export async function takeMagicLink(place = browserPlace, hasGenerators = askServer): Promise<boolean> {
  const query = new URLSearchParams(place.search);
  const link = query.get("magiclink");
  if (!link) return false;
  if (!(await hasGenerators())) {
    place.rename(RACE);
    return false;
  }
  const handed = new URLSearchParams({ magiclink: link });
  const next = query.get("next");
  if (next) handed.set("next", next);
  place.leave(`/generators#${handed}`);
  return true;
}

/** No answer is no reason to lose a link. */
async function askServer(): Promise<boolean> {
  try {
    const response = await fetch("/api/gate/config", { signal: AbortSignal.timeout(TIMEOUT) });
    const config: unknown = response.ok ? await response.json() : null;
    return !(typeof config === "object" && config !== null && "generators" in config && !config.generators);
  } catch {
    return true;
  }
}
