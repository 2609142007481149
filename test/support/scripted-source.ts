/** A source of certificates or CRLs whose next answer the test chooses. */
export class ScriptedSource {
  readonly name: string;
  /** How often it was asked. */
  calls = 0;
  #answer: () => Promise<readonly Uint8Array[]>;

  constructor(name: string, ...ders: readonly Uint8Array[]) {
    this.name = name;
    this.#answer = () => Promise.resolve(ders);
  }

  gives(...ders: readonly Uint8Array[]): void {
    this.#answer = () => Promise.resolve(ders);
  }

  fails(error = new Error("source is down")): void {
    this.#answer = async () => {
      throw error;
    };
  }

  hangs(): void {
    this.#answer = () => new Promise(() => {});
  }

  fetch(_signal: AbortSignal): Promise<readonly Uint8Array[]> {
    this.calls += 1;
    return this.#answer();
  }
}
