/** The state that a source shares with its connection and with the loops that read it. */
export class ConnectionState {
  #connection;
  #isClosed = false;
  #lastError;
  /** The queues of the loops. */
  #queues = new Set();

  /** The ID of the last event that was dispatched, or the ID that the stream has set after it. */
  lastEventId = "";
  onclose = () => {};

  constructor(lastEventId) {
    this.#setLastEventId(typeof lastEventId === "string" ? lastEventId : "");
  }

  /**
   * Connects when `load` has loaded the wasm. The loops get all events that the listener gets. The next event waits until
   * all loops have taken the last one.
   */
  async connect(listener, load, connect) {
    const wrapped = {
      ...listener,
      task: async () => {
        await listener.task();
        await Promise.all([...this.#queues].map((queue) => queue.drained()));
      },
      event: (type, data, lastEventId) => {
        this.#setLastEventId(lastEventId);
        this.#push(listener.event(type, data, lastEventId));
      },
      lastEventId: (lastEventId) => this.#setLastEventId(lastEventId),
      closed: (...details) => {
        if (!this.#isClosed) {
          // Copied before the call, because the listener may close the source, which clears the queues.
          const queues = [...this.#queues];
          this.#lastError = listener.closed(...details);
          queues.forEach((queue) => queue.push(this.#lastError));
          this.close();
        }
      },
    };
    try {
      const loaded = await load();
      if (!this.#isClosed) {
        this.#connection = connect(loaded, wrapped);
      }
    } catch (exception) {
      wrapped.closed("exception", 0, undefined, undefined, String(exception));
    }
  }

  /** Returns a queue for a new loop. If the source is closed already, the queue has only its last error. */
  addQueue() {
    const queue = new Queue();
    if (this.#isClosed) {
      if (this.#lastError) {
        queue.push(this.#lastError);
      }
      queue.end();
    }
    this.#queues.add(queue);
    return queue;
  }

  reconnect() {
    this.#connection?.reconnect();
  }

  close() {
    this.#isClosed = true;
    this.onclose();
    this.#connection?.close();
    this.#queues.forEach((queue) => queue.end());
    this.#queues.clear();
  }

  /** Sets the last event ID, unless the source is closed. */
  #setLastEventId(lastEventId) {
    if (!this.#isClosed) {
      this.lastEventId = lastEventId;
    }
  }

  #push(event) {
    this.#queues.forEach((queue) => queue.push(event));
  }
}

/** Queue of events for one loop. */
class Queue {
  #events = [];
  #isClosed = false;
  #wake = () => {};
  #release = () => {};

  push(event) {
    this.#events.push(event);
    this.#wake();
  }

  /** Ends the queue, and wakes the loop and the connection. */
  end() {
    this.#isClosed = true;
    this.#wake();
    this.#release();
  }

  /** Waits for the next event. Returns `undefined` after the last one. */
  async next() {
    if (this.#events.length === 0 && !this.#isClosed) {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    this.#release();
    return this.#events.shift();
  }

  /** Waits until the loop has taken all events. */
  async drained() {
    if (this.#events.length > 0 && !this.#isClosed) {
      await new Promise((resolve) => (this.#release = resolve));
    }
  }
}
