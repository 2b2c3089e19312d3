/** What a source, its connection and the loops that read it have in common. */
export class Link {
  #connection;
  #isOver = false;
  #lastError;
  #channels = new Set();

  /** That of the last event that was told, or what the stream has set after it. */
  lastEventId = "";
  onclose = () => {};

  constructor(lastEventId) {
    this.#follow(typeof lastEventId === "string" ? lastEventId : "");
  }

  /**
   * Makes the connection by what `load` gives a promise of, and has the loops hear what the listener
   * does. They hold the next event back until they have taken the last.
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
          // Those of now, because a listener that is told may close the source.
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

  /** What a loop takes events from. One that comes late is told all the same why the source was closed. */
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

  /** Nothing is told of a source that is closed. */
  #follow(lastEventId) {
    if (!this.#isOver) {
      this.lastEventId = lastEventId;
    }
  }

  #push(event) {
    this.#channels.forEach((channel) => channel.push(event));
  }
}

/** Events on their way to one loop. */
class Channel {
  #events = [];
  #isOver = false;
  #wake = () => {};
  #release = () => {};

  push(event) {
    this.#events.push(event);
    this.#wake();
  }

  /** No more will come, and nobody has to wait. */
  end() {
    this.#isOver = true;
    this.#wake();
    this.#release();
  }

  /** The next event; `undefined` behind the last. */
  async take() {
    if (this.#events.length === 0 && !this.#isOver) {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    this.#release();
    return this.#events.shift();
  }

  /** When all that came is taken. */
  async taken() {
    if (this.#events.length > 0 && !this.#isOver) {
      await new Promise((resolve) => (this.#release = resolve));
    }
  }
}
