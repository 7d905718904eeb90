/** A server for the views of codes, logs and controls: it answers by hand, and writes down what it was asked. */

import type { AdminApi, Answer, Problem, Query } from "../../src/console/api.ts";
import type {
  AuditRecord,
  CodeStatus,
  LogLine,
  LogStats,
  Parameters,
  Status,
} from "../../src/console/types.ts";

/** What a visitor may call itself. */
export const HOSTILE = `"><img src=x onerror=alert(1)>' onmouseover='alert(2)`;
/** Turns the direction of what follows round. */
export const TURNING = "visitor \u202e gpj.exe";

const AT = Date.UTC(2026, 10, 21, 3, 40);

export function record(changes: Partial<AuditRecord> = {}): AuditRecord {
  return {
    timestamp: new Date(AT).toISOString(),
    invite_code: "HASHPASS-7Xw2mQ9tRk4VbN3e",
    visitor_id: "b1946ac92492d2347c6235b4d2611184",
    nonce: 18_201,
    hash: `000${"9f".repeat(30)}1`,
    seed: "a3".repeat(32),
    real_ip: "203.0.113.77",
    trace_data: "ip=203.0.113.77\nts=1763696400.123\nuag=Mozilla/5.0 (X11; Linux x86_64)\nsig=3b7c",
    difficulty: 12,
    solve_time: 48.213,
    new_difficulty: 13,
    adjustment_reason: "Solved in 48.2 s, inside the window of 24 to 96 s: no change.",
    round: 418,
    reason: "solved",
    target: `000f${"f".repeat(60)}`,
    algorithm: "argon2d",
    time_cost: 3,
    memory_cost: 65_536,
    parallelism: 1,
    key_id: "k1",
    erased: false,
    ...changes,
  };
}

const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789";

/** Many of them, the newest first; each is another's neighbour and no two are alike. */
export function records(count: number): readonly AuditRecord[] {
  return Array.from({ length: count }, (_, place) =>
    record({
      timestamp: new Date(AT - place * 97_000).toISOString(),
      invite_code: `HASHPASS-${Array.from({ length: 16 }, (_, at) => LETTERS[(place * 7 + at * 13 + ((place * at) % 11)) % LETTERS.length]).join("")}`,
      round: 418 - place,
      solve_time: Math.round(((place * 37) % 180) * 1000 + 812) / 1000,
      difficulty: 12 + (place % 3) / 2,
      ...(place === 1 && { visitor_id: HOSTILE }),
      ...(place === 2 && { visitor_id: TURNING, real_ip: "2001:db8:85a3:8d3:1319:8a2e:370:7348" }),
      ...(place === 4 && { reason: "consolation" as const }),
      ...(place === 5 && { erased: true, visitor_id: "9f".repeat(32), real_ip: "3b".repeat(32) }),
    }),
  );
}

export const STATS: LogStats = {
  total_codes: 1284,
  unique_visitors: 613,
  avg_solve_time: 64.182,
  median_solve_time: 47.9,
  difficulty_distribution: { "11": 300, "12": 700, "13": 284 },
  codes_per_hour: Array.from({ length: 48 }, (_, place) => ({
    hour: new Date(AT - (47 - place) * 3_600_000).toISOString(),
    codes: place < 9 ? 0 : Math.round(30 + 22 * Math.sin(place / 4) + (place % 5)),
  })),
  solve_time_histogram: [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((from, place) => ({
    from,
    to: place === 10 ? null : ([1, 2, 4, 8, 16, 32, 64, 128, 256, 512][place] ?? null),
    codes: [11, 14, 31, 62, 118, 226, 380, 301, 121, 20, 0][place] ?? 0,
  })),
  difficulty_history: Array.from({ length: 60 }, (_, place) => ({
    timestamp: new Date(AT - (59 - place) * 2_900_000).toISOString(),
    difficulty: 8 + Math.min(4, place / 6) + (place % 4) / 4,
  })),
};

export const LINES: readonly LogLine[] = [
  line("INFO", "hashpass.arbiter", "round 418 was won in 48.2 s: inside the window, no change."),
  line("WARNING", "hashpass.web", `POST '/api/verify' was refused: visitorId ${HOSTILE}`),
  line(
    "ERROR",
    "hashpass.supervisor",
    `the task webhooks crashed${String.raw`\nTraceback (most recent call last):\n  File "/srv/hashpass/webhooks.py", line 211, in run\n    await self._deliver(kept)\nOSError: [Errno 28] No space left on device`}`,
  ),
  line("INFO", "hashpass.hub", "a".repeat(300)),
  { timestamp: "", level: "", logger: "", message: "a line of somebody else's" },
  line("DEBUG", "hashpass.verifier", "a hash of 64 MiB took 131 ms"),
];

function line(level: string, logger: string, message: string): LogLine {
  return { timestamp: new Date(AT).toISOString(), level, logger, message };
}

export const PARAMETERS: Parameters = {
  difficulty: 12,
  exact_difficulty: 12,
  difficulty_policy: "step",
  min_difficulty: 4,
  max_difficulty: 32,
  target_time: 60,
  target_time_min: 24,
  target_time_max: 96,
  target_timeout: 300,
  algorithm: "argon2d",
  time_cost: 3,
  memory_cost: 65_536,
  parallelism: 1,
  worker_count: 4,
  max_nonce_speed: 0,
  timeout_award: false,
};

export function status(changes: Partial<Status> = {}): Status {
  const parameters = { ...PARAMETERS, ...changes.parameters };
  return {
    ...parameters,
    active_miners: 13,
    online_connections: 214,
    total_hashrate: 64,
    mining_time: 21.4,
    last_solve_time: 48.2,
    average_solve_time: 61.9,
    banned_count: 2,
    current_seed: "a3".repeat(32),
    round: 419,
    session_count: 230,
    hashrate_chart_history: [],
    solve_time_chart_history: [],
    drop: {
      open: true,
      reason: null,
      remaining: 37,
      code_limit: 100,
      wins_per_visitor: 1,
      win_cooldown: 600,
      opens_at: null,
      closes_at: "2026-11-22T18:00:00.000Z",
    },
    webhooks: { enabled: true, pending: 2, failed: 1, delivered: 80, refused: 0, saved: true, failures: [] },
    status: "ok",
    version: "1.0.0",
    uptime: 86_400,
    tasks: {},
    timestamp: AT / 1000,
    ...changes,
    parameters,
  };
}

export interface Asked {
  readonly path: string;
  /** The query of a GET, the body of a POST. */
  readonly told: Readonly<Record<string, unknown>>;
}

export interface FakeApi extends AdminApi {
  readonly asked: readonly Asked[];
  readonly saved: readonly string[];
  /** From now on this path is refused; null is the end of that. */
  refuse(path: string, problem: Problem | null): void;
  /** The codes and what is known of them. */
  readonly codes: Map<string, CodeStatus>;
}

const UNKNOWN: CodeStatus = {
  valid: false,
  status: "unknown",
  issued_at: null,
  visitor_id: null,
  round: null,
  redeemed_at: null,
};

export function fakeApi(all: readonly AuditRecord[] = records(120)): FakeApi {
  const asked: Asked[] = [];
  const saved: string[] = [];
  const refusals = new Map<string, Problem>();
  const codes = new Map<string, CodeStatus>(
    all.map(({ invite_code, timestamp, visitor_id, round }) => [
      invite_code,
      { valid: true, status: "issued", issued_at: timestamp, visitor_id, round, redeemed_at: null },
    ]),
  );
  const files = ["verify.json", "verify_20261120_101500.json"];

  function answer(path: string, told: Asked["told"]): unknown {
    const text = (name: string) => String(told[name] ?? "");
    switch (path) {
      case "/api/admin/logs": {
        const found = all.filter((one) => JSON.stringify(one).includes(text("search")));
        const [page, size] = [Number(told.page), Number(told.per_page)];
        const pages = Math.max(1, Math.ceil(found.length / size));
        return {
          records: found.slice((page - 1) * size, page * size),
          total: found.length,
          page,
          pages,
          files,
        };
      }
      case "/api/admin/logs/stats":
        return STATS;
      case "/api/admin/applogs": {
        const found = LINES.filter(({ message }) => message.includes(text("search")));
        return { lines: found, total: 600, page: told.page, pages: 6, files: ["hashpass.log"] };
      }
      case "/api/admin/codes/check":
        return codes.get(text("invite_code")) ?? UNKNOWN;
      case "/api/admin/codes/redeem": {
        const redeemed = {
          ...(codes.get(text("invite_code")) ?? UNKNOWN),
          valid: false,
          status: "redeemed" as const,
          redeemed_at: new Date(AT).toISOString(),
        };
        codes.set(text("invite_code"), redeemed);
        return { invite_code: told.invite_code, ...redeemed };
      }
      default:
        return told;
    }
  }

  async function call(path: string, told: Asked["told"]): Promise<Answer<never>> {
    asked.push({ path, told });
    const problem = refusals.get(path);
    return problem === undefined ? { ok: true, value: answer(path, told) as never } : { ok: false, problem };
  }

  return {
    asked,
    saved,
    codes,
    refuse(path, problem) {
      if (problem === null) refusals.delete(path);
      else refusals.set(path, problem);
    },
    hasToken: true,
    take() {},
    forget() {},
    get: (path: string, query: Query = {}) => call(path, query),
    post: (path: string, body = {}) => call(path, body),
    async download(path, query, filename) {
      const given = await call(path, query);
      if (given.ok) saved.push(filename);
      return given;
    },
  };
}
