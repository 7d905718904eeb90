/** The console on a server made by hand: `npx vite`, then /static/tests/console/demo.html?show=troubled#/now. */

import { createDesk } from "../../src/console/desk.ts";
import { mount } from "../../src/console/view/mount.tsx";
import { fakeApi, records } from "./answers.ts";
import { FakeServer, json, MINERS, problem, rateAt, status, TOKEN, troubled } from "./server.ts";

/** The page's clock is slow at first, by so many milliseconds. */
let late = 300_000;
const now = performance.now.bind(performance);
performance.now = () => now() - late;

const show = new URLSearchParams(location.search).get("show") ?? "live";
const server = new FakeServer();
server.banned = ["198.51.100.0/24", "203.0.113.99", "2001:db8:9:9::/64"];
const told = show === "troubled" ? troubled() : status();
server.routes["GET /api/admin/status"] = () => json(told);
const crowd = Array.from({ length: 13 }, (_, place) => ({
  ...(MINERS[place % MINERS.length] ?? MINERS[0]),
  ...(place >= MINERS.length && {
    ip: `203.0.113.${3 * place + 50}`,
    hashrate: 5.5 * place,
    overspeed: false,
  }),
}));
server.routes["GET /api/admin/miners"] = () => json({ miners: crowd, total: crowd.length });
const known = fakeApi(records(400));
for (const path of ["logs", "logs/stats", "applogs"]) {
  server.routes[`GET /api/admin/${path}`] = async ({ path, query }) => {
    const answer = await known.get(path, Object.fromEntries(query));
    return answer.ok ? json(answer.value) : problem(answer.problem.status, answer.problem.detail);
  };
}
const CALLS = ["codes/check", "codes/redeem", "difficulty", "target-time", "argon2", "worker-count", "drop"];
for (const path of [
  ...CALLS,
  "reset-puzzle",
  "kick-all",
  "clear-sessions",
  "receipt-key",
  "regenerate-hmac",
]) {
  server.routes[`POST /api/admin/${path}`] = async ({ path, body }) => {
    if (body?.memory_cost === 4_000_000)
      return problem(400, "This server could not check such hashes.", undefined, "memory_cost");
    const answer = await known.post(path, body ?? {});
    return answer.ok ? json(answer.value) : problem(answer.problem.status, answer.problem.detail);
  };
}
if (show !== "login") server.kept.set("hashpass.admin", TOKEN);
if (show === "ended") server.token = "another";
const desk = createDesk(server.environment);

async function play(): Promise<void> {
  while (server.sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  if (show === "away") return server.socket.end();
  server.socket.open();
  // Five minutes in an instant.
  for (let place = 0; place < 60; place += 1) {
    late -= 5000;
    server.socket.say({
      type: "STATUS_UPDATE",
      ...told,
      total_hashrate: rateAt(place),
      active_miners: 8 + (place >> 3),
      online_connections: 12 + (place >> 3),
      session_count: 14 + (place >> 2),
      mining_time: (place * 5) % 192,
    });
  }
  setInterval(() => server.socket.say({ type: "STATUS_UPDATE", ...told }), 2000);
}

if (show !== "login" && show !== "ended") void play();
const root = document.getElementById("app");
if (root) void mount(root, desk);
