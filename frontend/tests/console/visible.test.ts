import { expect, test } from "vitest";
import { visible } from "../../src/console/view/visible.ts";

test("letters that turn a name round, or that nobody sees, are written out", () => {
  expect(visible("visitor \u202egpj.exe")).toBe("visitor \\u202egpj.exe");
  expect(visible("a\u200bb\u2028c\u{e0041}")).toBe("a\\u200bb\\u2028c\\ue0041");
});

test("all others stay as they are", () => {
  expect(visible("زائر 访客 é \\u202e <b>")).toBe("زائر 访客 é \\u202e <b>");
});
