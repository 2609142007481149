#!/usr/bin/env node
// Plain syntax on purpose: a Node that is too old must be able to parse this file in order to say so.
import { existsSync } from "fs";

const needed = [26, 10];
const found = process.versions.node.split(".").map(Number);

if (found[0] < needed[0] || (found[0] === needed[0] && found[1] < needed[1])) {
  console.error(`certgate needs Node ${needed.join(".")} or newer (found ${process.versions.node})`);
  process.exitCode = 1;
} else {
  // The built package when there is one, the sources in a checkout.
  const built = new URL("../dist/main.js", import.meta.url);
  import(existsSync(built) ? built.href : new URL("../src/main.ts", import.meta.url).href);
}
