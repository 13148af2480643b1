"use strict";
(() => {
  const { body } = document, { state, version, base, view, until } = body.dataset;
  const get = (id) => document.getElementById(id);
  const text = get("text"), form = get("open"), app = get("app"), log = get("log"), bar = get("bar"), still = get("still"), show = get("show");
  const everyView = 60e3, everyTick = 15e3, near = 5 * 60e3;
  const title = document.querySelector("h1").textContent;
  let tag = "", timer, busy = false, awakeUntil = Date.parse(until || ""), skew = 0, touched = Date.now(), viewed = 0, kept = true, refused = "";
  body.classList.add("js");

  const say = (words) => { if (text.textContent !== words) text.textContent = words; };
  const offline = "The network does not answer. Try again.";
  const anew = () => location.replace(base + location.search);
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const after = (answer, otherwise) => (Number(answer.headers.get("Retry-After")) || otherwise) * 1000;

  // That nobody answers "Still there?" outlives this document: what comes meanwhile is not
  // opened by itself.
  const tab = {
    get away() {
      try { return sessionStorage.getItem("away") === base; } catch { return true; } // a browser that keeps nothing for us
    },
    set away(yes) {
      try { sessionStorage.setItem("away", yes ? base : ""); } catch { /* as above */ }
    },
  };
  const here = () => { if (tab.away) tab.away = false; };
  document.addEventListener("pointerdown", here);
  document.addEventListener("keydown", here);

  // learn takes what the server says: another state, or another version, is another page.
  function learn(told, answer) {
    const date = Date.parse(answer.headers.get("Date"));
    if (date) skew = date - Date.now();
    if (state === "awake" && told.state === "waking" && told.version === version) return; // it is kept awake, at this moment
    if ((state === "building" || state === "moved") && told.state === "asleep" && !tab.away) return come();
    if (told.state !== state || told.version !== version || (state === "building" && told.title !== title)) return anew();
    awakeUntil = Date.parse(told.awake_until || "");
    if (state === "awake") return left();
    say(told.text);
    if (log && told.log) log.textContent = told.log.join("\n");
    for (const stage of document.querySelectorAll("[data-stage]")) {
      if (stage.dataset.stage === told.stage) stage.setAttribute("aria-current", "step");
      else stage.removeAttribute("aria-current");
    }
  }

  async function look() {
    clearTimeout(timer);
    if (document.hidden || busy || state === "error") return;
    let wait = 10e3;
    try {
      const answer = await fetch(base + "/state", { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
      wait = after(answer, 10);
      if (answer.status === 200) {
        const told = await answer.json();
        if (document.hidden || busy) return; // meanwhile
        tag = answer.headers.get("ETag") || "";
        learn(told, answer);
      } else if (answer.status === 404 || answer.status === 410) return anew();
    } catch { /* no network for the moment */ }
    clearTimeout(timer);
    timer = setTimeout(look, wait);
  }

  const post = (intent) => fetch(base + "/wake", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ intent }) });

  async function words(answer) {
    try {
      const { detail, message } = await answer.json();
      return (detail && detail.message) || detail || message || "";
    } catch { return ""; }
  }

  // click wakes the preview, and says "", or why that did not work.
  async function click() {
    busy = true;
    say("Waking the preview\u2026");
    for (let tries = 0; tries < 20; tries++) {
      try {
        const answer = await post("click");
        if (answer.status === 200) return "";
        if (answer.status !== 202) return (await words(answer)) || "That did not work. Try again.";
        await pause(after(answer, 2));
        say("Still waking, it takes a little longer this time\u2026");
      } catch {
        return offline;
      }
    }
    return "It did not wake in time. Try again.";
  }

  // come opens what the visitor has seen come, and so has waited for. What is refused is a
  // page that sleeps, with its button.
  async function come() {
    const problem = await click();
    if (problem !== offline) return anew();
    busy = false;
    say(problem);
    clearTimeout(timer);
    timer = setTimeout(look, 10e3);
  }

  async function wake(button) {
    button.setAttribute("aria-disabled", "true");
    const problem = await click();
    if (!problem) return anew();
    busy = false;
    button.removeAttribute("aria-disabled");
    say(problem);
    look(); // it may be another page by now
  }

  if (form) form.addEventListener("submit", (e) => {
    e.preventDefault();
    if (!busy) wake(form.querySelector("button"));
  });

  if (state === "awake") {
    const asks = () => !still.hidden;

    async function looking() {
      if (document.hidden || asks() || Date.now() - viewed < everyView / 2) return;
      viewed = Date.now();
      let answered = false, why = refused;
      try {
        const answer = await post("viewing");
        answered = answer.status === 200;
        why = answer.status === 429 ? await words(answer) : "";
        if (answered) learn(await answer.json(), answer);
      } catch { /* no network for the moment */ }
      if (why && !refused) showBar(true); // it has to be read
      kept = answered;
      refused = why;
      left();
    }

    function touch() {
      touched = Date.now();
      if (!asks()) return;
      still.hidden = true;
      tab.away = false;
      looking();
    }

    function showBar(yes) {
      const focused = document.activeElement === show;
      bar.hidden = !yes;
      show.hidden = yes;
      if (focused) get("hide").focus();
    }

    document.addEventListener("pointerdown", touch);
    document.addEventListener("keydown", touch);
    // A click into the app is one on the page, too, for some seconds. An app can take the
    // focus by itself, but it cannot feign a click.
    const clicked = () => !navigator.userActivation || navigator.userActivation.isActive;
    window.addEventListener("blur", () => { if (document.activeElement === app && clicked()) touch(); });
    get("yes").addEventListener("click", touch);
    get("reload").addEventListener("click", () => { app.src = app.getAttribute("src"); });
    get("hide").addEventListener("click", () => { showBar(false); show.focus(); });
    show.addEventListener("click", () => { showBar(true); });
    for (const button of document.querySelectorAll("[data-width]:not(iframe)")) button.addEventListener("click", () => {
      app.dataset.width = button.dataset.width;
      for (const other of document.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other === button));
    });
    document.addEventListener("visibilitychange", looking);
    setInterval(looking, everyView);
    setInterval(() => {
      if (navigator.userActivation && clicked()) touch();
      if (!asks() && !document.hidden && Date.now() - touched > Number(view) * 1000) {
        showBar(true);
        still.hidden = false;
        tab.away = true;
      }
      left();
    }, everyTick);
    looking();
  }

  // left tells when the preview is about to sleep, which is not while the page keeps it
  // awake, and why nobody may keep it awake.
  function left() {
    const ms = awakeUntil - Date.now() - skew;
    const soon = ms > 0 && ms < near && (!kept || !still.hidden) ? `asleep in ${Math.max(1, Math.round(ms / 60e3))} min` : "";
    say([soon, kept ? "" : refused].filter(Boolean).join(". "));
  }

  document.addEventListener("visibilitychange", look);
  look();
})();
