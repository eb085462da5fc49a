// Follows the current revision: by server-sent events, or, where those do not come through, by asking now and then.
import type { Service } from "./service";

export interface News {
  readonly revision: number;
  readonly degraded: { readonly since: string; readonly data_as_of: string } | null;
}

interface Ready {
  readonly revision: number | null;
  readonly degraded: News["degraded"];
}

const ASK_EVERY_MS = 5_000;
const LONGEST_WAIT_MS = 60_000;

/** Calls `hear` with each announcement, and `lost` with whether the service cannot be reached. */
export function follow(service: Service, hear: (news: News) => void, lost: (gone: boolean) => void): void {
  let wait = ASK_EVERY_MS;

  function listen(): void {
    const events = new EventSource(new URL("v1/events", service.root));
    let broke = false;
    events.addEventListener("open", () => {
      if (broke) void ask(); // a stream that is taken up again says nothing of what was heard before
      broke = false;
    });
    events.addEventListener("revision", (event: MessageEvent<string>) => {
      wait = ASK_EVERY_MS;
      lost(false);
      hear(JSON.parse(event.data) as News);
    });
    events.addEventListener("error", () => {
      broke = true;
      // The browser tries again by itself, except after an answer that is no stream.
      if (events.readyState !== EventSource.CLOSED) {
        void ask();
        return;
      }
      events.close();
      void ask();
      setTimeout(listen, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    });
  }

  async function ask(): Promise<void> {
    try {
      const ready = await service.ask<Ready>("readyz");
      lost(false);
      if (ready.revision !== null) hear({ revision: ready.revision, degraded: ready.degraded });
    } catch {
      lost(true);
    }
  }

  listen();
  addEventListener("online", () => void ask());
  addEventListener("offline", () => lost(true));
}
