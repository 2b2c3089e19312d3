/** The state that a source, its connection and the loops that read it share. */
export class Link {
  #connection;
  #isOver = false;
  #lastError;
  #channels = new Set();

  /** The ID of the last event that was dispatched, or the ID that the stream has set after it. */
  lastEventId = "";
  onclose = () => {};

  constructor(lastEventId) {
    this.#follow(typeof lastEventId === "string" ? lastEventId : "");
  }

  /**
   * Makes the connection with the function that `load` returns a promise of. The loops get all events that the listener
   * gets. The next event waits until all loops have taken the last one.
   */
  async follow(listener, load, connect) {
    const heard = {
      ...listener,
      turn: async () => {
        await listener.turn();
        await Promise.all([...this.#channels].map((channel) => channel.taken()));
      },
      event: (type, data, lastEventId) => {
        this.#follow(lastEventId);
        this.#push(listener.event(type, data, lastEventId));
      },
      lastEventId: (lastEventId) => this.#follow(lastEventId),
      closed: (...details) => {
        if (!this.#isOver) {
          // Copied before the call, because the listener may close the source, which clears the channels.
          const channels = [...this.#channels];
          this.#lastError = listener.closed(...details);
          channels.forEach((channel) => channel.push(this.#lastError));
          this.close();
        }
      },
    };
    try {
      const loaded = await load();
      if (!this.#isOver) {
        this.#connection = connect(loaded, heard);
      }
    } catch (fault) {
      heard.closed("fault", 0, undefined, undefined, String(fault));
    }
  }

  /** Returns a channel for a new loop. If the source is closed already, the channel has only its last error. */
  channel() {
    const channel = new Channel();
    if (this.#isOver) {
      if (this.#lastError) {
        channel.push(this.#lastError);
      }
      channel.end();
    }
    this.#channels.add(channel);
    return channel;
  }

  reconnect() {
    this.#connection?.reconnect();
  }

  close() {
    this.#isOver = true;
    this.onclose();
    this.#connection?.close();
    this.#channels.forEach((channel) => channel.end());
    this.#channels.clear();
  }

  /** Sets the last event ID, unless the source is closed. */
  #follow(lastEventId) {
    if (!this.#isOver) {
      this.lastEventId = lastEventId;
    }
  }

  #push(event) {
    this.#channels.forEach((channel) => channel.push(event));
  }
}

/** Queue of events for one loop. */
class Channel {
  #events = [];
  #isOver = false;
  #wake = () => {};
  #release = () => {};

  push(event) {
    this.#events.push(event);
    this.#wake();
  }

  /** Ends the queue, and wakes the loop and the connection. */
  end() {
    this.#isOver = true;
    this.#wake();
    this.#release();
  }

  /** Waits for the next event. Returns `undefined` after the last one. */
  async take() {
    if (this.#events.length === 0 && !this.#isOver) {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    this.#release();
    return this.#events.shift();
  }

  /** Waits until the loop has taken all events. */
  async taken() {
    if (this.#events.length > 0 && !this.#isOver) {
      await new Promise((resolve) => (this.#release = resolve));
    }
  }
}
