/** Bytes that may be held at the same time. */
export interface ByteLimits {
  readonly total: number;
  /** Of these, by one owner: the others must not starve because one holds everything. */
  readonly perOwner: number;
}

/** `owner-full`: the owner holds as much as one may. `full`: all of them together hold as much as they may. */
export type Taken = "taken" | "owner-full" | "full";

/** What one piece of work holds. */
export interface ByteLoan {
  /** To be asked before bytes are kept. Anything but `taken` means that they must not be. */
  take(bytes: number): Taken;
  /** Gives all of it back; afterwards nothing can be taken any more. May be called again. */
  giveBack(): void;
}

/** To remove an owner and to add it again with each of its requests makes the Map build new tables all the time. */
const keptOwners = 1000;

/** Counts the bytes that a process holds for callers, so that many callers together cannot exhaust its memory. */
export class ByteBudget {
  readonly #limits: () => ByteLimits;
  readonly #refused: (why: Exclude<Taken, "taken">) => void;
  /** Owners that hold something, and some that hold nothing now. */
  readonly #held = new Map<string, number>();
  #total = 0;

  /** @param limits asked at each taking, so that changed ones count at once; what is held already stays */
  constructor(limits: () => ByteLimits, refused: (why: Exclude<Taken, "taken">) => void = () => {}) {
    this.#limits = limits;
    this.#refused = refused;
  }

  /** Bytes held now, by all. */
  get held(): number {
    return this.#total;
  }

  open(owner: string): ByteLoan {
    let mine = 0;
    let over = false;
    return {
      take: (bytes) => {
        const taken = over ? "full" : this.#judge(owner, bytes);
        if (taken === "taken") {
          mine += bytes;
          this.#add(owner, bytes);
        } else this.#refused(taken);
        return taken;
      },
      giveBack: () => {
        over = true;
        this.#add(owner, -mine);
        mine = 0;
      },
    };
  }

  #judge(owner: string, bytes: number): Taken {
    const { total, perOwner } = this.#limits();
    if ((this.#held.get(owner) ?? 0) + bytes > perOwner) return "owner-full";
    return this.#total + bytes > total ? "full" : "taken";
  }

  #add(owner: string, bytes: number): void {
    if (bytes === 0) return;
    this.#total += bytes;
    const held = (this.#held.get(owner) ?? 0) + bytes;
    if (held === 0 && this.#held.size > keptOwners) this.#held.delete(owner);
    else this.#held.set(owner, held);
  }
}
