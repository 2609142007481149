import type { Operation } from "../operation.ts";
import { get, list, on, post, remove } from "./surfaces.ts";

// prettier-ignore
export const videos: readonly Operation[] = on(["v1"], "videos", [
  post("videos-create", "videos", { shape: "video", form: "video", body: "either", deployment: "body", creates: "video" }),
  list("videos-list", "videos", "video"),
  get("videos-get", "videos/{video}"),
  remove("videos-delete", "videos/{video}", "video"),
  get("videos-content", "videos/{video}/content", { query: ["variant"] }),
  // A remix runs on the deployment of the video that it starts from, which its owner was granted.
  post("videos-remix", "videos/{video}/remix", { shape: "remix", creates: "video" }),
]);

// prettier-ignore
export const realtime: readonly Operation[] = [
  ...on(["v1"], "realtime", [
    get("realtime", "realtime", { deployment: "query", query: ["model"], upgrade: "realtime", retryable: false }),
  ]),
  ...on(["dated"], "realtime", [
    get("realtime", "realtime", { deployment: "query", query: ["deployment"], upgrade: "realtime", retryable: false }),
  ]),
  // These hand out keys with which a client reaches the backend past the gateway, and past a revocation.
  ...on(["v1"], "admin", [
    post("realtime-client-secrets", "realtime/client_secrets", { shape: "clientSecret" }),
    post("realtime-sessions", "realtime/sessions", { shape: "realtimeSession", deployment: "body" }),
  ]),
  ...on(["dated"], "admin", [
    post("realtime-sessions", "realtimeapi/sessions", { shape: "realtimeSession", deployment: "body" }),
  ]),
];
