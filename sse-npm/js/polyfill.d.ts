/** The `EventSource` of the standard, without further options. */
export const EventSource: typeof globalThis.EventSource;
