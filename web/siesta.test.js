// The client against a running system: TestTheClientInNode of proof/systemtest starts one and this, and opens gates.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { Siesta, SiestaError } from "./siesta.js";

const { API_URL: url, TOKEN: token, APP: app, GATE: gate, ROUTES: routes } = process.env;
const seen = new Set();
after(() => writeFileSync(routes, [...seen].join("\n"))); // for who compares them with the API's

/** fetch, which notes what is asked for. */
const noted = (address, init) => {
  seen.add(`${init.method} ${new URL(address).pathname}`);
  return fetch(address, init);
};
const siesta = new Siesta({ url, token: async () => token, fetch: noted });
const project = () => crypto.randomUUID();
const page = (project_id, text = "hello", check = "") => ({
  project_id, goal: "a page", source: { files: { "index.html": text } }, commands: { install: "", check, start: app },
});
const gated = (project_id) => page(project_id, "hello", "echo one; echo two; until test -e go; do sleep 0.1; done; echo three");
const open = async (id) => assert.equal((await fetch(`${gate}/${id}`)).status, 200);

async function ready(request) {
  const { job_id } = await siesta.start(request);
  const status = await siesta.wait(job_id);
  assert.equal(status.status, "ready", status.error_message);
  return job_id;
}

async function asleep(id) {
  for (;;) {
    const status = await siesta.status(id);
    if (status.sandbox_paused) return status;
    await siesta.snapshot(id).catch((e) => assert.equal(e.status, 409)); // it is on its way already
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** A client whose calls fail by `fault`, which gets what fetch would. */
const faulty = (fault) => new Siesta({ url, token, fetch: fault });

describe("siesta.js", { concurrency: 4 }, () => {
  it("follows a build and its log", async () => {
    const { job_id } = await siesta.start(gated(project()));
    const told = [], waiting = siesta.wait(job_id, { onStatus: (s) => told.push(s.revision) });
    const lines = [];
    for await (const line of siesta.logs(job_id, { limit: 2 })) {
      lines.push(line);
      if (line.text === "two") await open(job_id);
    }
    const texts = lines.map((l) => l.text);
    assert.deepEqual(texts.filter((t) => ["one", "two", "three"].includes(t)), ["one", "two", "three"]);
    assert.equal(new Set(lines.map((l) => l.id)).size, lines.length);
    assert.equal((await waiting).status, "ready");
    assert.deepEqual(told, [...new Set(told)]);
    assert.ok(told.length > 1);

    const all = [], back = [];
    for await (const line of siesta.logs(job_id)) all.push(line);
    assert.deepEqual(all.slice(0, lines.length), lines);
    for await (const line of siesta.logs(job_id, { before: "end", limit: 2 })) back.push(line);
    assert.deepEqual(back.reverse(), all);
    const rest = [];
    for await (const line of siesta.logs(job_id, { after: all[0].id })) rest.push(line);
    assert.deepEqual(rest, all.slice(1));
  });

  it("waits as it is told, and ends by its signal", async () => {
    const { job_id } = await siesta.start(gated(project()));
    const asked = [];
    const timed = faulty(async (address, init) => {
      const at = Date.now(), answer = await fetch(address, init);
      asked.push({ at, told: Date.now(), retryAfter: Number(answer.headers.get("Retry-After")) });
      if (asked.length === 3) ender.abort(reason);
      return answer;
    });
    const ender = new AbortController(), reason = new Error("enough");
    await assert.rejects(timed.wait(job_id, { signal: ender.signal }), (e) => e === reason);
    asked.slice(1).forEach(({ at }, i) => assert.ok(at - asked[i].told >= asked[i].retryAfter * 1000 - 20, "asked too early"));
    assert.ok(asked.length === 3 && asked[0].retryAfter > 0);
    const read = async () => { for await (const line of siesta.logs(job_id, { signal: ender.signal })) assert.fail(line.text); };
    await assert.rejects(read(), (e) => e === reason);
    const following = new AbortController();
    const follow = async () => { for await (const { text } of siesta.logs(job_id, { signal: following.signal })) if (text === "two") following.abort(reason); };
    await assert.rejects(follow(), (e) => e === reason);

    assert.equal((await siesta.cancel(job_id)).status, "cancelled");
    assert.equal((await siesta.wait(job_id)).status, "failed");
    await assert.rejects(siesta.cancel(job_id), { status: 409 });
  });

  it("wakes a preview on demand alone", async () => {
    const id = await ready(page(project()));
    const before = await asleep(id);
    assert.deepEqual(await siesta.keepAwake(id), before);
    const woken = await siesta.resume(id);
    assert.equal(woken.preview_url, before.preview_url);
    assert.ok(Date.parse(woken.awake_until) > Date.now());
    const ender = new AbortController(), reason = new Error("closed");
    const kept = siesta.keepAwake(id, { signal: ender.signal });
    setTimeout(() => ender.abort(reason), 0);
    await assert.rejects(kept, (e) => e === reason);
    assert.equal((await asleep(id)).sandbox_state, "paused");
  });

  it("makes links, and ends them", async () => {
    const id = await ready(page(project()));
    const { share_url, expires_at } = await siesta.share(id, { expires_in: 3600, follow: "job" });
    assert.ok(Math.abs(Date.parse(expires_at) - Date.now() - 3600e3) < 60e3);
    assert.equal((await fetch(share_url)).status, 200);
    await siesta.unshare(id);
    assert.equal((await fetch(share_url)).status, 410);
    assert.equal((await fetch((await siesta.share(id)).share_url)).status, 200);
  });

  it("keeps versions", async () => {
    const project_id = project(), first = await ready(page(project_id));
    const second = await ready({ ...page(project_id, "changed"), previous_job_id: first });
    await assert.rejects(siesta.resume(first), { status: 409, error_type: "moved", moved_to: second });
    assert.equal((await siesta.keepAwake(first)).moved_to, second);
    const third = await ready({ ...page(project_id, "aside"), previous_job_id: second, keep_previous: true });
    assert.equal((await siesta.status(second)).moved_to, null);
    assert.equal((await siesta.current(project_id)).job_id, third);
    assert.deepEqual(await siesta.restore(second).then((r) => [r.job_id, r.current]), [second, true]);
    assert.equal((await siesta.current(project_id)).job_id, second);

    const newest = await siesta.list(project_id, { limit: 2 }), oldest = await siesta.list(project_id, { limit: 2, before: newest.next });
    assert.deepEqual([...newest.builds, ...oldest.builds].map((b) => b.job_id), [third, second, first]);
    assert.equal(oldest.next, null);
    assert.ok(Date.parse((await siesta.source(first)).expires_at) > Date.now());

    const again = await siesta.rebuild(first);
    assert.equal(again.base_job_id, first);
    assert.equal((await siesta.wait(again.job_id)).status, "ready");
    assert.equal(typeof (await siesta.delete(third)), "boolean");
    await assert.rejects(siesta.status(third), { status: 404 });
    while (!(await siesta.delete(third))) await new Promise((done) => setTimeout(done, 100));
  });

  it("says what is wrong", async () => {
    const wrong = (e) => e instanceof SiestaError && !e.passing && e.message === e.detail && /^[0-9a-f-]{36}$/.test(e.debug_id);
    await assert.rejects(siesta.status(crypto.randomUUID()), (e) => wrong(e) && e.status === 404);
    let asked;
    await assert.rejects(faulty((address, init) => fetch(asked = address, init)).status("../current"), { status: 404 });
    assert.ok(asked.endsWith("/api/generation/..%2Fcurrent/status"));
    await assert.rejects(siesta.start({ ...page(project()), goal: "" }), (e) => wrong(e) && e.status === 422 && e.detail.includes("goal"));
    await assert.rejects(new Siesta({ url, token: "x.y.z" }).list(project()), { status: 401, detail: "Unauthorized", debug_id: null });
    await assert.rejects(new Siesta({ url: "http://127.0.0.1:9", token }).status("x"), { name: "SiestaError", status: 0, passing: true });
    const elsewhere = faulty(async () => new Response("<h1>Hello</h1>"));
    await assert.rejects(elsewhere.status("x"), { name: "SiestaError", status: 200, passing: false });
  });

  it("starts once, whatever becomes of the answer", async () => {
    const project_id = project();
    let calls = 0;
    const lossy = faulty(async (address, init) => {
      const answer = await fetch(address, init);
      if (++calls === 1) throw new TypeError("the answer was lost");
      return calls === 2 ? new Response("Service Unavailable", { status: 503 }) : answer;
    });
    const { job_id } = await lossy.start(page(project_id));
    assert.equal(calls, 3);
    assert.deepEqual((await siesta.list(project_id)).builds.map((b) => b.job_id), [job_id]);
    await siesta.cancel(job_id).catch((e) => assert.equal(e.status, 409));
  });

  it("backs off, and tells a long wait at once", async () => {
    const at = [];
    const down = faulty(async (address, init) => (at.push(Date.now()) < 4 ? new Response("", { status: 502 }) : fetch(address, init)));
    await assert.rejects(down.wait(crypto.randomUUID()), { status: 404 });
    assert.ok(at[1] - at[0] >= 480 && at[2] - at[1] >= 980 && at[3] - at[2] >= 1980, `asked at ${at}`);
    const limited = new Response('{"detail": "No more today", "debug_id": "x"}', { status: 429, headers: { "Retry-After": "3600" } });
    await assert.rejects(faulty(async () => limited).start(page(project())), { status: 429, retryAfter: 3600, detail: "No more today" });
  });
});
