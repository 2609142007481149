/** How a request reaches a responder. */
export interface OcspTransport {
  /**
   * @param request DER of an OCSPRequest
   * @returns the body of the answer: foreign bytes, bounded
   * @throws Error for the operator's log where there is no answer; its sentence may hold addresses
   */
  post(url: string, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}
