/**
 * A client of Siesta's API, for web pages and for Node 20 and later; docs/openapi.yaml describes what it calls.
 * A method makes one call, but for start, wait, resume, keepAwake and logs: these ask again, where that is safe, while what
 * went wrong passes by itself. Each has a `signal` that ends it, with the signal's own reason; no call outlives a minute.
 */

/** What went wrong: `message` and `detail` are words for a user. */
export class SiestaError extends Error {
  /**
   * @param {string} detail
   * @param {{status?: number, debug_id?: string, error_type?: string, moved_to?: string, retryAfter?: number | null, cause?: unknown}} [more]
   */
  constructor(detail, { status = 0, debug_id, error_type, moved_to, retryAfter = null, cause } = {}) {
    super(detail, { cause });
    this.name = "SiestaError";
    this.detail = detail;
    /** The HTTP status; 0: no answer came. */
    this.status = status;
    /** Leads support to the log lines. @type {string | null} */
    this.debug_id = debug_id ?? null;
    /** sandbox_expired, sandbox_unreachable or moved. @type {string | null} */
    this.error_type = error_type ?? null;
    /** The iteration that has the preview, with error_type moved. @type {string | null} */
    this.moved_to = moved_to ?? null;
    /** Seconds until it is worth trying again; null: nobody knows. @type {number | null} */
    this.retryAfter = retryAfter;
  }

  /** Whether it passes by itself: the network, too many calls, a part that does not answer for the moment. */
  get passing() {
    return [0, 429, 502, 503, 504].includes(this.status) && !this.error_type;
  }
}

const callTime = 60; // a wake holds its call for half a minute
const mostTries = 8; // at the same call, one after the other
const mostWait = 30; // until the next try; who is told a longer time is not kept waiting

export class Siesta {
  #url;
  #token;
  #fetch;

  /**
   * @param {object} options
   * @param {string} options.url the API's address
   * @param {string | (() => string | Promise<string>)} options.token a JWT of the user, or what gets one that is still good
   * @param {typeof globalThis.fetch} [options.fetch]
   */
  constructor({ url, token, fetch = globalThis.fetch }) {
    this.#url = url.replace(/\/+$/, "");
    this.#token = token;
    this.#fetch = fetch;
  }

  /**
   * Accepts a build: of new code or, with previous_job_id, of a change to a version that is ready. A repeated call with the
   * same key and request answers with the first one's job.
   * @param {StartRequest} request
   * @param {Options & {key?: string}} [options]
   * @returns {Promise<Started>}
   */
  async start(request, { key = randomKey(), signal } = {}) {
    return (await again(() => this.#call("POST", "/start", { body: request, key, signal }), signal)).body;
  }

  /** How a job is, and its preview. @param {string} id @param {Options} [options] @returns {Promise<Status>} */
  async status(id, { signal } = {}) {
    return (await this.#call("GET", at(id, "/status"), { signal })).body;
  }

  /**
   * Waits until a build is ready or failed, and looks as often as it is told to.
   * @param {string} id
   * @param {Options & {onStatus?: (status: Status) => void}} [options] onStatus is told of each change
   * @returns {Promise<Status>}
   */
  async wait(id, { signal, onStatus } = {}) {
    for (let revision = -1; ; ) {
      const { body, retryAfter } = await again(() => this.#call("GET", at(id, "/status"), { signal }), signal);
      if (body.revision !== revision) onStatus?.(body);
      if (body.status === "ready" || body.status === "failed") return body;
      revision = body.revision;
      await pause(retryAfter ?? 2, signal);
    }
  }

  /**
   * Wakes a preview, and waits until it answers. With prolong, one that is awake stays so for longer.
   * @param {string} id
   * @param {Options & {prolong?: boolean}} [options]
   * @returns {Promise<Resumed>}
   */
  async resume(id, { prolong = false, signal } = {}) {
    const busy = (/** @type {SiestaError} */ e) => e.status === 409 && !e.error_type && e.retryAfter !== null;
    for (;;) {
      const call = () => this.#call("POST", at(id, "/resume"), { body: { prolong }, signal });
      const { status, body, retryAfter } = await again(call, signal, (e) => e.passing || busy(e));
      if (status === 200) return body;
      await pause(retryAfter ?? 2, signal);
    }
  }

  /**
   * Keeps a preview awake while the page is visible. It never wakes one: it ends with the status of the preview once that
   * sleeps, has moved or is gone, which is when to offer a button that resumes.
   * @param {string} id
   * @param {Options & {every?: number}} [options] every: seconds
   * @returns {Promise<Status>}
   */
  async keepAwake(id, { every = 60, signal } = {}) {
    for (;;) {
      await visible(signal);
      try {
        const status = await this.status(id, { signal });
        if (!["running", "resuming"].includes(status.sandbox_state)) return status;
        await this.resume(id, { prolong: true, signal });
      } catch (e) {
        if (!(e instanceof SiestaError && e.passing) || (e.retryAfter ?? 0) > every) throw e;
      }
      await pause(every, signal);
    }
  }

  /** Asks for a pause now. @param {string} id @param {Options} [options] @returns {Promise<Snapshot>} */
  async snapshot(id, { signal } = {}) {
    return (await this.#call("POST", at(id, "/snapshot"), { signal })).body;
  }

  /** Ends a build that is under way. @param {string} id @param {Options} [options] @returns {Promise<Cancelled>} */
  async cancel(id, { signal } = {}) {
    return (await this.#call("POST", at(id, "/cancel"), { signal })).body;
  }

  /**
   * Makes a link to a page that shows the preview, and wakes it on a click.
   * @param {string} id
   * @param {Options & {expires_in?: number, follow?: "project" | "job", logs?: boolean}} [options] expires_in: seconds; logs: the page shows the log, too
   * @returns {Promise<Shared>}
   */
  async share(id, { signal, ...asked } = {}) {
    return (await this.#call("POST", at(id, "/share"), { body: asked, signal })).body;
  }

  /** Ends all links of the version's project. @param {string} id @param {Options} [options] @returns {Promise<void>} */
  async unshare(id, { signal } = {}) {
    await this.#call("DELETE", at(id, "/share"), { signal });
  }

  /**
   * The lines of a build's log, from the beginning or after a line; while the build goes on, those that come, to its end.
   * With before, those that precede a line, or all with "end": the newest first, and none that come.
   * @param {string} id
   * @param {Options & {after?: string | null, before?: string | null, limit?: number, follow?: boolean}} [options]
   *   limit: lines of one call; follow: false ends with the newest line
   * @returns {AsyncGenerator<LogLine, void, void>}
   */
  async *logs(id, { after, before, limit = 500, follow = true, signal } = {}) {
    const ask = () => this.#call("GET", at(id, "/logs"), { query: { after, before, limit }, signal });
    for (const back = before != null; ; ) {
      const { body, retryAfter } = await again(ask, signal);
      yield* back ? [...body.lines].reverse() : body.lines;
      if (back) before = body.previous;
      else after = body.next;
      if (body.has_more) continue;
      if (back || !follow || retryAfter === null) return;
      await pause(retryAfter, signal);
    }
  }

  /**
   * A project's versions, the newest first.
   * @param {string} project_id
   * @param {Options & {limit?: number, before?: string | null}} [options] before: the next of the answer before
   * @returns {Promise<Versions>}
   */
  async list(project_id, { limit, before, signal } = {}) {
    return (await this.#call("GET", "", { query: { project_id, limit, before }, signal })).body;
  }

  /** The status of a project's current version. @param {string} project_id @param {Options} [options] @returns {Promise<Status>} */
  async current(project_id, { signal } = {}) {
    return (await this.#call("GET", "/current", { query: { project_id }, signal })).body;
  }

  /** Where a version's code may be read. @param {string} id @param {Options} [options] @returns {Promise<SourceAddress>} */
  async source(id, { signal } = {}) {
    return (await this.#call("GET", at(id, "/source"), { signal })).body;
  }

  /** Builds a version again, from its kept code. @param {string} id @param {Options} [options] @returns {Promise<Rebuilding>} */
  async rebuild(id, { signal } = {}) {
    return (await this.#call("POST", at(id, "/rebuild"), { signal })).body;
  }

  /**
   * Makes an earlier version the current one; one whose sandbox is gone is built again for it.
   * @param {string} id @param {Options} [options] @returns {Promise<Restored | Rebuilding>}
   */
  async restore(id, { signal } = {}) {
    return (await this.#call("POST", at(id, "/restore"), { signal })).body;
  }

  /**
   * Deletes a version. From then on nothing knows it; true: nothing is left of it, false: that is still being done, by itself.
   * @param {string} id @param {Options} [options] @returns {Promise<boolean>}
   */
  async delete(id, { signal } = {}) {
    return (await this.#call("DELETE", at(id, ""), { signal })).status === 204;
  }

  /**
   * @param {string} method @param {string} path
   * @param {{body?: unknown, query?: Record<string, string | number | null | undefined>, key?: string, signal?: AbortSignal}} options
   * @returns {Promise<{status: number, body: any, retryAfter: number | null}>}
   */
  async #call(method, path, { body, query = {}, key, signal }) {
    signal?.throwIfAborted();
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value != null) asked.set(name, String(value));
    /** @type {Record<string, string>} */
    const headers = { Authorization: `Bearer ${token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    const ender = new AbortController(), end = () => ender.abort();
    const timer = setTimeout(end, callTime * 1000);
    signal?.addEventListener("abort", end);
    try {
      signal?.throwIfAborted();
      const address = `${this.#url}/api/generation${path}${String(asked) && `?${asked}`}`;
      const send = this.#fetch; // which browsers call without an object
      const answer = await send(address, { method, headers, body: JSON.stringify(body), cache: "no-store", signal: ender.signal });
      return read(answer, await answer.text());
    } catch (e) {
      signal?.throwIfAborted();
      throw e instanceof SiestaError ? e : new SiestaError("The network does not answer, try again", { cause: e });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    }
  }
}

/** @param {Response} answer @param {string} text */
function read({ ok, status, headers }, text) {
  const seconds = Number(headers.get("Retry-After") || NaN), retryAfter = seconds >= 0 ? seconds : null;
  let body = null;
  try {
    if (text) body = JSON.parse(text);
  } catch (cause) {
    if (ok) throw new SiestaError("The address does not answer as Siesta does", { status, cause });
  }
  if (ok) return { status, body, retryAfter };
  const { detail, message, debug_id } = body ?? {}; // the gateway's own answers have a message alone
  const { error_type, moved_to } = detail ?? {};
  const words = detail?.message ?? detail ?? message ?? `The service answered ${status}`;
  throw new SiestaError(words, { status, debug_id, error_type, moved_to, retryAfter });
}

/**
 * @template T
 * @param {() => Promise<T>} call @param {AbortSignal | undefined} signal @param {(e: SiestaError) => boolean} [worth]
 * @returns {Promise<T>}
 */
async function again(call, signal, worth = (e) => e.passing) {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (e) {
      if (!(e instanceof SiestaError) || tries === mostTries || !worth(e) || (e.retryAfter ?? 0) > mostWait) throw e;
      const backOff = Math.min(mostWait, 2 ** (tries - 1)) * (0.5 + Math.random() / 2); // so that callers do not come all at once
      await pause(Math.max(e.retryAfter ?? 0, backOff), signal);
    }
  }
}

/** @param {number} seconds @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(seconds, signal) {
  return until(signal, (done) => {
    const timer = setTimeout(done, seconds * 1000);
    return () => clearTimeout(timer);
  });
}

/** Waits until the page is visible; where there is none, as in Node, it is. @param {AbortSignal} [signal] @returns {Promise<void>} */
function visible(signal) {
  const page = globalThis.document;
  if (page?.visibilityState !== "hidden") return Promise.resolve();
  return until(signal, (done) => {
    const look = () => { if (page.visibilityState !== "hidden") done(); };
    page.addEventListener("visibilitychange", look);
    return () => page.removeEventListener("visibilitychange", look);
  });
}

/**
 * Waits for what begin waits for, or for the end of the signal; the function that begin returns stops it.
 * @param {AbortSignal | undefined} signal @param {(done: () => void) => () => void} begin @returns {Promise<void>}
 */
function until(signal, begin) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = () => { stop(); reject(signal?.reason); };
    const stop = begin(() => { stop(); signal?.removeEventListener("abort", end); resolve(); });
    signal?.addEventListener("abort", end, { once: true });
  });
}

/** @param {string} id @param {string} rest */
const at = (id, rest) => `/${encodeURIComponent(id)}${rest}`;

/** crypto.randomUUID is for secure contexts alone. */
const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

/** @typedef {{signal?: AbortSignal}} Options */
/** @typedef {import("./types.d.ts").StartRequest} StartRequest */
/** @typedef {import("./types.d.ts").Started} Started */
/** @typedef {import("./types.d.ts").Status} Status */
/** @typedef {import("./types.d.ts").Resumed} Resumed */
/** @typedef {import("./types.d.ts").Snapshot} Snapshot */
/** @typedef {import("./types.d.ts").Cancelled} Cancelled */
/** @typedef {import("./types.d.ts").Shared} Shared */
/** @typedef {import("./types.d.ts").LogLine} LogLine */
/** @typedef {import("./types.d.ts").Version} Version */
/** @typedef {import("./types.d.ts").Versions} Versions */
/** @typedef {import("./types.d.ts").SourceAddress} SourceAddress */
/** @typedef {import("./types.d.ts").Rebuilding} Rebuilding */
/** @typedef {import("./types.d.ts").Restored} Restored */
/** @typedef {import("./types.d.ts").Stage} Stage */
