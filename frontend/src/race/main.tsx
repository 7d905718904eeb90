import { browserEnvironment } from "./browser.ts";
import { createGame } from "./game.ts";
import { mount } from "./view/mount.tsx";

const root = document.getElementById("app");
if (root) void mount(root, createGame(browserEnvironment(() => document.getElementById("gate"))));
