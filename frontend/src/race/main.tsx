import { takeMagicLink } from "../workshop/handover.ts";
import { browserEnvironment } from "./browser.ts";
import { createGame } from "./game.ts";
import { mount } from "./view/mount.tsx";

const root = document.getElementById("app");
if (root) void open(root);

async function open(root: Element): Promise<void> {
  if (await takeMagicLink()) return;
  await mount(root, createGame(browserEnvironment(() => document.getElementById("gate"))));
}
