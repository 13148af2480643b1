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
    constructor(detail: string, { status, debug_id, error_type, moved_to, retryAfter, cause }?: {
        status?: number;
        debug_id?: string;
        error_type?: string;
        moved_to?: string;
        retryAfter?: number | null;
        cause?: unknown;
    });
    detail: string;
    /** The HTTP status; 0: no answer came. */
    status: number;
    /** Leads support to the log lines. @type {string | null} */
    debug_id: string | null;
    /** sandbox_expired, sandbox_unreachable or moved. @type {string | null} */
    error_type: string | null;
    /** The iteration that has the preview, with error_type moved. @type {string | null} */
    moved_to: string | null;
    /** Seconds until it is worth trying again; null: nobody knows. @type {number | null} */
    retryAfter: number | null;
    /** Whether it passes by itself: the network, too many calls, a part that does not answer for the moment. */
    get passing(): boolean;
}
export class Siesta {
    /**
     * @param {object} options
     * @param {string} options.url the API's address
     * @param {string | (() => string | Promise<string>)} options.token a JWT of the user, or what gets one that is still good
     * @param {typeof globalThis.fetch} [options.fetch]
     */
    constructor({ url, token, fetch }: {
        url: string;
        token: string | (() => string | Promise<string>);
        fetch?: typeof globalThis.fetch | undefined;
    });
    /**
     * Accepts a build: of new code or, with previous_job_id, of a change to a version that is ready. A repeated call with the
     * same key and request answers with the first one's job.
     * @param {StartRequest} request
     * @param {Options & {key?: string}} [options]
     * @returns {Promise<Started>}
     */
    start(request: StartRequest, { key, signal }?: Options & {
        key?: string;
    }): Promise<Started>;
    /** How a job is, and its preview. @param {string} id @param {Options} [options] @returns {Promise<Status>} */
    status(id: string, { signal }?: Options): Promise<Status>;
    /**
     * Waits until a build is ready or failed, and looks as often as it is told to.
     * @param {string} id
     * @param {Options & {onStatus?: (status: Status) => void}} [options] onStatus is told of each change
     * @returns {Promise<Status>}
     */
    wait(id: string, { signal, onStatus }?: Options & {
        onStatus?: (status: Status) => void;
    }): Promise<Status>;
    /**
     * Wakes a preview, and waits until it answers. With prolong, one that is awake stays so for longer.
     * @param {string} id
     * @param {Options & {prolong?: boolean}} [options]
     * @returns {Promise<Resumed>}
     */
    resume(id: string, { prolong, signal }?: Options & {
        prolong?: boolean;
    }): Promise<Resumed>;
    /**
     * Keeps a preview awake while the page is visible. It never wakes one: it ends with the status of the preview once that
     * sleeps, has moved or is gone, which is when to offer a button that resumes.
     * @param {string} id
     * @param {Options & {every?: number}} [options] every: seconds
     * @returns {Promise<Status>}
     */
    keepAwake(id: string, { every, signal }?: Options & {
        every?: number;
    }): Promise<Status>;
    /** Asks for a pause now. @param {string} id @param {Options} [options] @returns {Promise<Snapshot>} */
    snapshot(id: string, { signal }?: Options): Promise<Snapshot>;
    /** Ends a build that is under way. @param {string} id @param {Options} [options] @returns {Promise<Cancelled>} */
    cancel(id: string, { signal }?: Options): Promise<Cancelled>;
    /**
     * Makes a link to a page that shows the preview, and wakes it on a click.
     * @param {string} id
     * @param {Options & {expires_in?: number, follow?: "project" | "job", logs?: boolean}} [options] expires_in: seconds; logs: the page shows the log, too
     * @returns {Promise<Shared>}
     */
    share(id: string, { signal, ...asked }?: Options & {
        expires_in?: number;
        follow?: "project" | "job";
        logs?: boolean;
    }): Promise<Shared>;
    /** Ends all links of the version's project. @param {string} id @param {Options} [options] @returns {Promise<void>} */
    unshare(id: string, { signal }?: Options): Promise<void>;
    /**
     * The lines of a build's log, from the beginning or after a line; while the build goes on, those that come, to its end.
     * With before, those that precede a line, or all with "end": the newest first, and none that come.
     * @param {string} id
     * @param {Options & {after?: string | null, before?: string | null, limit?: number, follow?: boolean}} [options]
     *   limit: lines of one call; follow: false ends with the newest line
     * @returns {AsyncGenerator<LogLine, void, void>}
     */
    logs(id: string, { after, before, limit, follow, signal }?: Options & {
        after?: string | null;
        before?: string | null;
        limit?: number;
        follow?: boolean;
    }): AsyncGenerator<LogLine, void, void>;
    /**
     * A project's versions, the newest first.
     * @param {string} project_id
     * @param {Options & {limit?: number, before?: string | null}} [options] before: the next of the answer before
     * @returns {Promise<Versions>}
     */
    list(project_id: string, { limit, before, signal }?: Options & {
        limit?: number;
        before?: string | null;
    }): Promise<Versions>;
    /** The status of a project's current version. @param {string} project_id @param {Options} [options] @returns {Promise<Status>} */
    current(project_id: string, { signal }?: Options): Promise<Status>;
    /** Where a version's code may be read. @param {string} id @param {Options} [options] @returns {Promise<SourceAddress>} */
    source(id: string, { signal }?: Options): Promise<SourceAddress>;
    /** Builds a version again, from its kept code. @param {string} id @param {Options} [options] @returns {Promise<Rebuilding>} */
    rebuild(id: string, { signal }?: Options): Promise<Rebuilding>;
    /**
     * Makes an earlier version the current one; one whose sandbox is gone is built again for it.
     * @param {string} id @param {Options} [options] @returns {Promise<Restored | Rebuilding>}
     */
    restore(id: string, { signal }?: Options): Promise<Restored | Rebuilding>;
    /**
     * Deletes a version. From then on nothing knows it; true: nothing is left of it, false: that is still being done, by itself.
     * @param {string} id @param {Options} [options] @returns {Promise<boolean>}
     */
    delete(id: string, { signal }?: Options): Promise<boolean>;
    #private;
}
export type Options = {
    signal?: AbortSignal;
};
export type StartRequest = import("./types.d.ts").StartRequest;
export type Started = import("./types.d.ts").Started;
export type Status = import("./types.d.ts").Status;
export type Resumed = import("./types.d.ts").Resumed;
export type Snapshot = import("./types.d.ts").Snapshot;
export type Cancelled = import("./types.d.ts").Cancelled;
export type Shared = import("./types.d.ts").Shared;
export type LogLine = import("./types.d.ts").LogLine;
export type Version = import("./types.d.ts").Version;
export type Versions = import("./types.d.ts").Versions;
export type SourceAddress = import("./types.d.ts").SourceAddress;
export type Rebuilding = import("./types.d.ts").Rebuilding;
export type Restored = import("./types.d.ts").Restored;
export type Stage = import("./types.d.ts").Stage;
