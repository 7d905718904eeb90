import { readArrival } from "./arrival.ts";
import { browserPorts } from "./browser.ts";
import { mount } from "./view/mount.tsx";
import { createWorkshop } from "./workshop.ts";

const arrival = readArrival(location.hash);
// Before anything else: a link that still works has no business in the address bar.
if (arrival !== null) history.replaceState(null, "", location.pathname);

const root = document.getElementById("app");
if (root) void mount(root, createWorkshop(browserPorts(), arrival));
