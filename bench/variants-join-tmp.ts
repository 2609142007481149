// temporary: node tmp -- JSON list of variants
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { prepareGrounds } from "./gateway/grounds.ts";
import { measure } from "./gateway/measure.ts";
import { buildGateway, type Running, startBackends, startGateway, startPeer } from "./gateway/programs.ts";
import { plainLoad, loadRows, handshakeRows } from "./gateway/rows.ts";

interface Variant {
  name: string;
  prog?: string;
  dir?: string;
  node?: string[];
  env?: Record<string, string>;
}
const spec = JSON.parse(process.argv[2] ?? "{}") as {
  variants: Variant[];
  rounds?: number;
  ms?: number;
  row?: string;
  nginx?: boolean;
};
const built = await mkdtemp(join(tmpdir(), "variants-"));
const grounds = await prepareGrounds();
const backends = await startBackends(grounds);
const lineup = { grounds, backends };
const behind = { backendPort: backends[0]?.port ?? 0, streamPort: backends[1]?.port ?? 0 };
const crls = await grounds.crls(100);
const targets: Running[] = [];
const made = new Map<string, string>();
for (const { name, prog, dir = "/work/main", node = [], env = {} } of spec.variants) {
  if (prog !== undefined);
  else if (!made.has(dir)) made.set(dir, await buildGateway(dir, join(built, name)));
  Object.assign(process.env, env);
  targets.push(
    await startGateway(
      { name, program: prog ?? made.get(dir) ?? "", nodeOptions: node },
      grounds,
      behind,
      crls,
    ),
  );
  for (const key of Object.keys(env)) delete process.env[key];
}
if (spec.nginx !== false) {
  const peer = await startPeer("nginx", grounds, behind, crls);
  if (peer) targets.push(peer);
}
try {
  const load =
    spec.row === "handshakes"
      ? handshakeRows(grounds, { warmUpMs: 500, measureMs: spec.ms ?? 2000 }, 100, 1)[0]!.load
      : spec.row === undefined
        ? plainLoad(grounds, { warmUpMs: 500, measureMs: spec.ms ?? 2000 })
        : loadRows(grounds, { warmUpMs: 500, measureMs: spec.ms ?? 2000 }, 2000).find(({ name }) =>
            name.includes(spec.row ?? ""),
          )!.load;
  for (const t of targets)
    for (const ms of spec.row === "handshakes" ? [3000, 4000, 8000, 8000, 8000] : [3000, 4000, 4000]) {
      const x = await measure(
        spec.row === "handshakes" && ms > 3000
          ? handshakeRows(grounds, { warmUpMs: 100, measureMs: ms }, 100, 1)[0]!.load
          : plainLoad(grounds, { warmUpMs: 100, measureMs: ms }),
        t,
        lineup,
      );
      console.log("warm", t.name, ms, ((1e6 * x.proxyCpu) / x.answers).toFixed(0));
    }
  const all = targets.map(() => [] as number[]);
  const faults = targets.map(() => [] as number[]); const lat = targets.map(() => [] as number[]);
  for (let r = 0; r < (spec.rounds ?? 7); r += 1) {
    for (let i = 0; i < targets.length; i += 1) {
      const at = (i + r) % targets.length;
      const flt = async () => Number((await (await import("node:fs/promises")).readFile(`/proc/${targets[at]!.pid}/stat`, "utf8")).split(") ")[1]!.split(" ")[7]); /* minflt */ const f0 = await flt(); const x = await measure(load, targets[at]!, lineup); faults[at]!.push(((await flt()) - f0) / x.answers);
      lat[at]!.push(x.latency.p50);
      all[at]!.push((1e6 * x.proxyCpu) / x.answers);
    }
    const last = all[all.length - 1]!;
    console.log(
      `round ${r}`,
      targets.map((t, i) => `${t.name} ${all[i]!.at(-1)!.toFixed(0)}`).join("  "),
      spec.nginx === false
        ? ""
        : targets.map((_, i) => (last.at(-1)! / all[i]!.at(-1)!).toFixed(3)).join(" "),
    );
  }
  for (const t of targets)
    console.log(
      t.name,
      "RSS",
      /VmRSS:\s+(\d+)/.exec(
        await (await import("node:fs/promises")).readFile(`/proc/${t.pid}/status`, "utf8"),
      )?.[1],
      "kB",
    );
  const med = (l: number[]) => l.toSorted((a, b) => a - b)[Math.floor(l.length / 2)]!;
  targets.forEach((t, i) =>
    console.log(
      t.name.padEnd(20),
      "faults", med(faults[i]!).toFixed(1), "p50",
      med(lat[i]!).toFixed(3),
      lat[i]!.map((v) => v.toFixed(2)).join(" "),
      "us/request median",
      med(all[i]!).toFixed(1),
      "min",
      Math.min(...all[i]!).toFixed(1),
      "ratio to first",
      med(all[i]!.map((v, r) => v / all[0]![r]!)).toFixed(3),
      "to nginx",
      med(all[i]!.map((v, r) => all.at(-1)![r]! / v)).toFixed(3),
    ),
  );
} finally {
  for (const t of targets) await t.stop();
  for (const b of backends) await b.stop();
  await grounds.stop();
}
