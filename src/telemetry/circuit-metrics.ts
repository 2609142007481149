import { Gauge, type Registry } from "prom-client";
import type { UpstreamState } from "../model/upstream-state.ts";

const allStates = ["closed", "half-open", "open"] as const satisfies readonly UpstreamState["state"][];

/** Gauges over the places at which requests arrive, computed when somebody asks. */
export function registerCircuits(registry: Registry, read: () => readonly UpstreamState[]): void {
  const registers = [registry];
  const circuit = new Gauge({
    name: "certgate_backend_circuit",
    help: "1 for the state that the circuit is in, 0 for the others. `deployment`: as it is called at the backend.",
    labelNames: ["backend", "deployment", "state"],
    // Of several workers: whether one of them is in that state.
    aggregator: "max",
    registers,
    collect() {
      circuit.reset();
      for (const { backend, deployment, state } of read())
        for (const each of allStates)
          circuit.set({ backend, deployment, state: each }, each === state ? 1 : 0);
    },
  });
  const outstanding = new Gauge({
    name: "certgate_backend_outstanding",
    help: "Requests under way at the backend. `deployment`: as it is called there.",
    labelNames: ["backend", "deployment"],
    aggregator: "sum",
    registers,
    collect() {
      outstanding.reset();
      for (const { backend, deployment, outstanding: count } of read())
        outstanding.set({ backend, deployment }, count);
    },
  });
}
