import type { Operation } from "../operation.ts";
import { get, list, on, page, post, remove } from "./surfaces.ts";

/** Jobs name the base model that they start from, which is no deployment; their graders name deployments. */
// prettier-ignore
export const fineTuning: readonly Operation[] = [
  ...on(["v1", "dated"], "fine-tuning", [
    post("fine-tuning-create", "fine_tuning/jobs", { shape: "fineTuning", creates: "job" }),
    list("fine-tuning-list", "fine_tuning/jobs", "job"),
    get("fine-tuning-get", "fine_tuning/jobs/{job}"),
    remove("fine-tuning-delete", "fine_tuning/jobs/{job}", "job"),
    post("fine-tuning-cancel", "fine_tuning/jobs/{job}/cancel"),
    post("fine-tuning-pause", "fine_tuning/jobs/{job}/pause"),
    post("fine-tuning-resume", "fine_tuning/jobs/{job}/resume"),
    get("fine-tuning-events", "fine_tuning/jobs/{job}/events", { query: ["limit", "after"] }),
    get("fine-tuning-checkpoints", "fine_tuning/jobs/{job}/checkpoints", { query: ["limit", "after"] }),
  ]),
  ...on(["v1"], "fine-tuning", [
    post("graders-run", "fine_tuning/alpha/graders/run", { shape: "grader" }),
    post("graders-validate", "fine_tuning/alpha/graders/validate", { shape: "grader" }),
  ]),
];

// prettier-ignore
export const evals: readonly Operation[] = on(["v1", "dated"], "evals", [
  post("evals-create", "evals", { shape: "eval", creates: "eval" }),
  list("evals-list", "evals", "eval", { query: ["order_by"] }),
  get("evals-get", "evals/{eval}"),
  post("evals-update", "evals/{eval}", { shape: "metadata" }),
  remove("evals-delete", "evals/{eval}", "eval"),
  post("evals-runs-create", "evals/{eval}/runs", { shape: "evalRun" }),
  page("evals-runs-list", "evals/{eval}/runs", { query: ["status"] }),
  get("evals-runs-get", "evals/{eval}/runs/{eval_run}"),
  post("evals-runs-cancel", "evals/{eval}/runs/{eval_run}/cancel"),
  remove("evals-runs-delete", "evals/{eval}/runs/{eval_run}"),
  page("evals-output-items-list", "evals/{eval}/runs/{eval_run}/output_items", { query: ["status"] }),
  get("evals-output-items-get", "evals/{eval}/runs/{eval_run}/output_items/{output_item}"),
]);
