/** Shows one fixture; `window.game.show(window.states.won())` in the browser's console moves on to another. */

import { mount } from "../../src/race/view/mount.tsx";
import { STATES, type StateName, stillGame } from "./fixtures.ts";

const wanted = new URLSearchParams(location.search).get("state") ?? "mining";
const game = stillGame(STATES[wanted in STATES ? (wanted as StateName) : "mining"]());
Object.assign(window, { game, states: STATES });

const root = document.getElementById("app");
if (root) void mount(root, game);
