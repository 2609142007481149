/** Far above a request's real objects (a schema of 5,000 properties is the services' limit). */
const mostKeys = 10_000;
/** Below this a scan of the list is faster than hashing, and needs no set. */
const mostListed = 8;

/** The keys of one open object. Small objects, which are nearly all, cost one array. */
export class UniqueKeys {
  readonly #list: string[] = [];
  #set: Set<string> | undefined;

  /** `full`: a bound on memory, so that one object of millions of keys cannot fill it. */
  add(name: string): "added" | "twice" | "full" {
    if (this.#set !== undefined) {
      if (this.#set.has(name)) return "twice";
      if (this.#set.size >= mostKeys) return "full";
      this.#set.add(name);
      return "added";
    }
    if (this.#list.includes(name)) return "twice";
    this.#list.push(name);
    if (this.#list.length > mostListed) this.#set = new Set(this.#list);
    return "added";
  }
}
