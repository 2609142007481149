/** The data of server-sent events as they become complete (WHATWG HTML 9.2.6), whatever pieces they come in. */
export class ServerSentEvents {
  // Keeps what a piece ends with: half a character, half a line, half an event.
  readonly #decoder = new TextDecoder();
  #rest = "";
  #data: string[] = [];

  push(chunk: Uint8Array): readonly string[] {
    const lines = `${this.#rest}${this.#decoder.decode(chunk, { stream: true })}`.split(lineEnd);
    this.#rest = lines.pop() ?? "";
    const complete: string[] = [];
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) complete.push(this.#data.join("\n"));
        this.#data = [];
      } else if (line.startsWith("data:")) this.#data.push(line.slice(5).replace(/^ /, ""));
    }
    return complete;
  }
}

/** A lone CR ends a line too, unless it may be the first half of a CRLF whose other half is still on its way. */
const lineEnd = /\r\n|\n|\r(?=[^\n])/;
