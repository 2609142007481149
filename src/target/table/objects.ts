import type { Operation } from "../operation.ts";
import { get, list, on, page, post, remove } from "./surfaces.ts";

const include = "include%5B%5D" as const;

// prettier-ignore
export const conversations: readonly Operation[] = on(["v1"], "conversations", [
  post("conversations-create", "conversations", { shape: "conversation", creates: "conversation" }),
  get("conversations-get", "conversations/{conversation}"),
  post("conversations-update", "conversations/{conversation}", { shape: "metadata" }),
  remove("conversations-delete", "conversations/{conversation}", "conversation"),
  post("conversations-items-create", "conversations/{conversation}/items", { shape: "conversation", query: [include] }),
  page("conversations-items-list", "conversations/{conversation}/items", { query: [include] }),
  get("conversations-items-get", "conversations/{conversation}/items/{item}", { query: [include] }),
  remove("conversations-items-delete", "conversations/{conversation}/items/{item}"),
]);

// prettier-ignore
export const files: readonly Operation[] = [
  ...on(["v1", "dated"], "files", [
    // The lines of a batch's input name its deployment; other files name none.
    post("files-create", "files", { form: "file", deployment: "lines", creates: "file" }),
    list("files-list", "files", "file", { query: ["purpose"] }),
    get("files-get", "files/{file}"),
    get("files-content", "files/{file}/content"),
    remove("files-delete", "files/{file}", "file"),
    post("uploads-create", "uploads", { shape: "upload", creates: "upload" }),
    post("uploads-parts", "uploads/{upload}/parts", { form: "part" }),
    post("uploads-complete", "uploads/{upload}/complete", { shape: "uploadComplete", creates: "file", createdIn: "file.id" }),
    post("uploads-cancel", "uploads/{upload}/cancel"),
  ]),
  ...on(["v1"], "files", [
    post("containers-create", "containers", { shape: "container", creates: "container" }),
    list("containers-list", "containers", "container"),
    get("containers-get", "containers/{container}"),
    remove("containers-delete", "containers/{container}", "container"),
    post("containers-files-create", "containers/{container}/files", { shape: "containerFile", form: "part", body: "either" }),
    page("containers-files-list", "containers/{container}/files"),
    get("containers-files-get", "containers/{container}/files/{container_file}"),
    get("containers-files-content", "containers/{container}/files/{container_file}/content"),
    remove("containers-files-delete", "containers/{container}/files/{container_file}"),
  ]),
];

// prettier-ignore
export const batches: readonly Operation[] = [
  ...on(["classic", "v1", "dated"], "batches", [
    post("batches-create", "batches", { shape: "batch", creates: "batch" }),
  ]),
  ...on(["v1", "dated"], "batches", [
    list("batches-list", "batches", "batch"),
    get("batches-get", "batches/{batch}"),
    post("batches-cancel", "batches/{batch}/cancel"),
  ]),
];

// prettier-ignore
export const vectorStores: readonly Operation[] = on(["v1", "dated"], "vector-stores", [
  post("vector-stores-create", "vector_stores", { shape: "vectorStore", creates: "vector_store" }),
  list("vector-stores-list", "vector_stores", "vector_store", { query: ["before"] }),
  get("vector-stores-get", "vector_stores/{vector_store}"),
  post("vector-stores-update", "vector_stores/{vector_store}", { shape: "vectorStore" }),
  remove("vector-stores-delete", "vector_stores/{vector_store}", "vector_store"),
  post("vector-stores-search", "vector_stores/{vector_store}/search", { shape: "search" }),
  // A file in a store is the file itself: its id has an owner of its own. Taking it out does not end it.
  post("vector-stores-files-create", "vector_stores/{vector_store}/files", { shape: "storedFiles" }),
  page("vector-stores-files-list", "vector_stores/{vector_store}/files", { query: ["before", "filter"] }),
  get("vector-stores-files-get", "vector_stores/{vector_store}/files/{file}"),
  post("vector-stores-files-update", "vector_stores/{vector_store}/files/{file}", { shape: "storedFiles" }),
  get("vector-stores-files-content", "vector_stores/{vector_store}/files/{file}/content"),
  remove("vector-stores-files-delete", "vector_stores/{vector_store}/files/{file}"),
  post("vector-stores-batches-create", "vector_stores/{vector_store}/file_batches", { shape: "storedFiles" }),
  get("vector-stores-batches-get", "vector_stores/{vector_store}/file_batches/{file_batch}"),
  post("vector-stores-batches-cancel", "vector_stores/{vector_store}/file_batches/{file_batch}/cancel"),
  page("vector-stores-batches-files", "vector_stores/{vector_store}/file_batches/{file_batch}/files", { query: ["before", "filter"] }),
]);
