/** The admin API's answers as they are on the wire. Names and addresses come from clients: they are text, nothing more. */

/** One point of a curve; `timestamp` is Unix seconds. */
export interface ChartPoint {
  readonly timestamp: number;
  readonly value: number;
}

/** What an operator sets, and how the difficulty stands. */
export interface Parameters {
  /** Whole bits that surely suffice. */
  readonly difficulty: number;
  /** With its fraction: a solve takes 2 to the power of this many hashes on average. */
  readonly exact_difficulty: number;
  readonly difficulty_policy: "step" | "steady";
  readonly min_difficulty: number;
  readonly max_difficulty: number;
  /** Seconds, as all times here. */
  readonly target_time: number;
  readonly target_time_min: number;
  readonly target_time_max: number;
  readonly target_timeout: number;
  readonly algorithm: string;
  readonly time_cost: number;
  /** KiB. */
  readonly memory_cost: number;
  readonly parallelism: number;
  readonly worker_count: number;
  /** 0 is off. */
  readonly max_nonce_speed: number;
  readonly timeout_award: boolean;
}

export type DropReason = "not_open_yet" | "ended" | "used_up";

/** As of GET /api/drop. */
export interface DropStatus {
  readonly open: boolean;
  readonly reason: DropReason | null;
  /** ISO 8601 with Z. */
  readonly opens_at: string | null;
  readonly closes_at: string | null;
  readonly remaining: number | null;
}

/** The drop's rules; 0 and null are off. */
export interface DropRules {
  readonly code_limit: number;
  readonly wins_per_visitor: number;
  readonly win_cooldown: number;
  readonly opens_at: string | null;
  readonly closes_at: string | null;
}

export interface TaskStatus {
  readonly state: "running" | "restarting" | "failed" | "finished";
  readonly crashes: number;
}

export interface WebhookStatus {
  readonly enabled: boolean;
  readonly pending: number;
  /** Given up after the last try, and kept. */
  readonly failed: number;
  readonly delivered: number;
  /** Found no room. */
  readonly refused: number;
  /** Whether the file holds what memory holds. */
  readonly saved: boolean;
  /** The newest of the failed. */
  readonly failures: readonly {
    readonly id: string;
    readonly created_at: number;
    readonly last_error: string | null;
  }[];
}

/** The same over HTTP and, as STATUS_UPDATE, over the socket. */
export interface Status extends Parameters {
  readonly active_miners: number;
  readonly online_connections: number;
  readonly total_hashrate: number;
  readonly mining_time: number;
  readonly last_solve_time: number | null;
  readonly average_solve_time: number | null;
  readonly banned_count: number;
  /** Null while no puzzle is open; so is the round. */
  readonly current_seed: string | null;
  readonly round: number | null;
  readonly session_count: number;
  readonly hashrate_chart_history: readonly ChartPoint[];
  readonly solve_time_chart_history: readonly ChartPoint[];
  /** Not of the wire: the parameters again, by themselves. */
  readonly parameters: Parameters;
  readonly drop: DropStatus & DropRules;
  readonly webhooks: WebhookStatus;
  readonly status: "ok" | "degraded";
  readonly version: string;
  /** Seconds. */
  readonly uptime: number;
  readonly tasks: Readonly<Record<string, TaskStatus>>;
  /** The server's wall clock, in Unix seconds. */
  readonly timestamp: number;
}

export interface Miner {
  readonly ip: string;
  readonly hashrate: number;
  /** Unix seconds. */
  readonly last_seen: number;
  readonly connected_since: number;
  readonly overspeed: boolean;
  readonly mining: boolean;
}

export interface MinerList {
  readonly miners: readonly Miner[];
  readonly total: number;
}

export interface SessionView {
  readonly token_preview: string;
  readonly ip: string;
  readonly visitor_id: string | null;
  readonly created_at: number;
  readonly is_connected: boolean;
  readonly disconnected_at: number | null;
}

export interface SessionList {
  readonly sessions: readonly SessionView[];
  readonly total: number;
}

export interface Blacklist {
  readonly banned_ips: readonly string[];
}

export interface AuditRecord {
  readonly timestamp: string;
  readonly invite_code: string;
  readonly visitor_id: string;
  readonly nonce: number;
  readonly hash: string;
  readonly seed: string;
  readonly real_ip: string;
  readonly trace_data: string;
  readonly difficulty: number;
  readonly solve_time: number;
  readonly new_difficulty: number;
  readonly adjustment_reason: string;
  readonly round: number;
  readonly reason: "solved" | "consolation";
  readonly target: string;
  readonly algorithm: string;
  readonly time_cost: number;
  readonly memory_cost: number;
  readonly parallelism: number;
  readonly key_id: string;
  /** The values of a person are digests. */
  readonly erased: boolean;
}

/** A page of a log, newest first. */
interface Page {
  /** Of all pages. */
  readonly total: number;
  readonly page: number;
  readonly pages: number;
  /** Newest first. */
  readonly files: readonly string[];
}

export interface CodePage extends Page {
  readonly records: readonly AuditRecord[];
}

export interface LogStats {
  readonly total_codes: number;
  readonly unique_visitors: number;
  readonly avg_solve_time: number | null;
  readonly median_solve_time: number | null;
  readonly difficulty_distribution: Readonly<Record<string, number>>;
  /** Oldest first; `hour` is the ISO 8601 instant at which it begins. */
  readonly codes_per_hour: readonly { readonly hour: string; readonly codes: number }[];
  /** In seconds; the last bar has no end. */
  readonly solve_time_histogram: readonly {
    readonly from: number;
    readonly to: number | null;
    readonly codes: number;
  }[];
  /** Oldest first. */
  readonly difficulty_history: readonly { readonly timestamp: string; readonly difficulty: number }[];
}

/** As the server takes it apart; of a line that it did not write, all is `message`. */
export interface LogLine {
  readonly timestamp: string;
  readonly level: string;
  readonly logger: string;
  readonly message: string;
}

export interface LinePage extends Page {
  readonly lines: readonly LogLine[];
}

export interface CodeStatus {
  readonly valid: boolean;
  readonly status: "issued" | "redeemed" | "expired" | "revoked" | "unknown";
  readonly issued_at: string | null;
  readonly visitor_id: string | null;
  readonly round: number | null;
  readonly redeemed_at: string | null;
}
