/** The standard's `EventSource`, and nothing more. */
export const EventSource: typeof globalThis.EventSource;
