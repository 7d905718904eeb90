import { browserEnvironment } from "./browser.ts";
import { createDesk } from "./desk.ts";
import { mount } from "./view/mount.tsx";

const root = document.getElementById("app");
if (root) void mount(root, createDesk(browserEnvironment()));
