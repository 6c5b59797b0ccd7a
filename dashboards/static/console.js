/* What every page of the console does in the browser: keys, copying, the drawer, notes, times, and looks that renew. */
"use strict";
(() => {
  const body = document.body;
  const drawer = document.getElementById("drawer");
  const notes = document.getElementById("notes");
  const chinese = document.documentElement.lang.startsWith("zh");

  // --- notes

  const note = (text, tone = "failed") => {
    const made = document.createElement("div");
    made.className = `note note-${tone}`;
    made.dataset.note = "";
    const said = document.createElement("p");
    said.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "icon-button";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", body.dataset.close);
    close.textContent = "×";
    made.append(document.createElement("span"), said, close);
    notes.append(made);
    fade(made);
  };
  const fade = (one) => {
    if (!one.classList.contains("note-failed")) setTimeout(() => one.remove(), 8000);
  };
  notes.querySelectorAll("[data-note]").forEach(fade);

  // --- htmx: what failed is told beside the page, never put into it blindly

  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (ctx.response && ctx.response.status >= 400 && !ctx.hx?.retarget) {
      event.preventDefault();
      note(`${body.dataset.failed} (${ctx.response.status})`);
    }
  });
  const waits = (event, on) => event.detail.ctx.target?.classList?.toggle("htmx-request", on);
  document.addEventListener("htmx:before:request", (event) => waits(event, true));
  document.addEventListener("htmx:finally:request", (event) => waits(event, false));
  // What is sent already is not sent again: a second click would be led on a second time, past what is told of the first.
  const sent = new WeakSet();
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (ctx.request.method === "GET") return;
    if (sent.has(ctx.sourceElement)) event.preventDefault();
    else sent.add(ctx.sourceElement);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.hx?.redirect && !ctx.hx?.refresh) sent.delete(ctx.sourceElement);
  });
  document.addEventListener("htmx:error", () => note(body.dataset.away));
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.target === drawer) drawer.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("console:changed"));
  });

  // --- on a phone the screens are a row that scrolls: the one we are on is brought into sight

  document.querySelector(".rail-link[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // --- the drawer: the page behind it stays as it was; its address says where we are

  const closeDrawer = (address) => {
    drawer.replaceChildren();
    history.pushState({ htmx: true }, "", address);
    const row = document.querySelector("tr.at");
    row?.focus({ preventScroll: true });
  };

  // --- clicks

  document.addEventListener("click", (event) => {
    const hit = event.target.closest("[data-copy], [data-dismiss], [data-close-drawer]");
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    if (!hit) return;
    if (hit.matches("[data-dismiss]")) hit.closest("[data-note]").remove();
    if (hit.matches("[data-copy]")) copy(hit);
    if (hit.matches("[data-close-drawer]") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      closeDrawer(hit.href);
    }
  });
  const copy = async (button) => {
    await navigator.clipboard.writeText(button.dataset.copy);
    const label = button.getAttribute("aria-label");
    button.classList.add("done");
    button.setAttribute("aria-label", body.dataset.copied);
    setTimeout(() => {
      button.classList.remove("done");
      button.setAttribute("aria-label", label);
    }, 1500);
  };

  // --- the theme changes at once and is kept with the person

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-theme-form]") || !event.submitter) return;
    event.preventDefault();
    const choice = event.submitter.value;
    document.dispatchEvent(new CustomEvent("console:choose-theme", { detail: choice }));
    event.target.querySelectorAll("[aria-pressed]").forEach((one) => {
      one.setAttribute("aria-pressed", String(one.value === choice));
    });
    event.target.closest("details").open = false;
    fetch(event.target.action, { method: "POST", body: new URLSearchParams({ theme: choice }), redirect: "manual" });
  });

  // --- keys: / searches, j and k move in a table, Enter opens, Esc closes

  const rows = () => [...document.querySelectorAll("[data-rows] tbody tr, [data-rows] > li")];
  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    const from = all.findIndex((row) => row.classList.contains("at"));
    const to = Math.min(Math.max(from + step, 0), all.length - 1);
    all.forEach((row, index) => row.classList.toggle("at", index === to));
    all[to].tabIndex = -1;
    all[to].focus({ preventScroll: true });
    all[to].scrollIntoView({ block: "nearest" });
  };
  const keys = {
    "/": () => document.getElementById("search").select(),
    j: () => move(1),
    k: () => move(-1),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      const menu = document.querySelector("details.menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      } else if (typing) event.target.blur();
      else drawer.querySelector("[data-close-drawer]")?.click();
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.target.matches("tr.at, li.at")) {
      (event.target.querySelector("[data-open]") ?? event.target.querySelector("a"))?.click();
    }
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  // --- times: how far off, told on hover and kept true

  const told = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style: "short" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const distance = (time) => {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
    if (Math.abs(seconds) < 60) return body.dataset.now;
    const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? units[3];
    return told.format(Math.round(seconds / size), unit);
  };
  document.addEventListener("mouseover", (event) => {
    const time = event.target.closest?.("time[datetime]");
    if (!time) return;
    time.dataset.exact ??= time.title;
    time.title = `${time.dataset.exact} · ${distance(time)}`;
  });
  setInterval(() => document.querySelectorAll("time[data-ago]").forEach((time) => {
    time.textContent = distance(time);
  }), 15000);

  // --- looks that renew: [data-renew=address] asks again every few seconds while somebody can see it.
  // HTML replaces the content; JSON is handed on as the event console:news. Without an answer the old values stay,
  // and say as of when they are.

  document.addEventListener("console:news", (event) => {
    if (!event.target.matches("[data-counts]")) return;
    event.target.querySelectorAll("[data-count]").forEach((place) => {
      const count = event.detail[place.dataset.count] ?? 0;
      place.textContent = count > 999 ? "999+" : String(count);
      place.hidden = !count;
    });
  });

  const clock = () => new Date().toLocaleTimeString(chinese ? "zh-CN" : "en-GB", { hour12: false, timeZone: body.dataset.zone });
  const leaving = new AbortController();
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) leaving.abort();
  });
  const renew = async (place) => {
    if (document.hidden || !place.isConnected || leaving.signal.aborted) return;
    const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(10000)]);
    const headers = { "X-Poll": "1" };
    if (place.dataset.tag) headers["If-None-Match"] = place.dataset.tag;
    try {
      const answer = await fetch(place.dataset.renew, { headers, cache: "no-store", signal });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (!answer.ok && answer.status !== 304) throw new Error(String(answer.status));
      place.dataset.tag = answer.headers.get("ETag") ?? "";
      if (answer.status === 200) await take(place, answer);
      stamp(place, false);
    } catch {
      if (!leaving.signal.aborted) stamp(place, true);
    }
  };
  const take = async (place, answer) => {
    if (answer.headers.get("Content-Type").startsWith("application/json")) {
      place.dispatchEvent(new CustomEvent("console:news", { bubbles: true, detail: await answer.json() }));
      return;
    }
    const text = await answer.text();
    const held = place.contains(document.activeElement) && place !== document.activeElement;
    if (held || place.querySelector("tbody input:checked")) {
      place.dataset.tag = "";  // what somebody works with is not taken from under them: it is asked for again
      return;
    }
    const at = rows().findIndex((row) => row.classList.contains("at"));
    place.innerHTML = text;
    htmx.process(place);
    if (at >= 0) rows()[at]?.classList.add("at");
    document.dispatchEvent(new CustomEvent("console:changed"));
  };
  const stamp = (place, stale) => {
    place.classList.toggle("is-stale", stale);
    if (place.matches("[data-counts]")) return;
    document.querySelectorAll("[data-as-of]").forEach((one) => {
      if (one === body) return;
      one.classList.toggle("is-stale", stale);
      if (!stale) one.textContent = `${body.dataset.asOf} ${clock()}`;
    });
  };
  const every = () => document.querySelectorAll("[data-renew]").forEach((place) => {
    const due = Number(place.dataset.due ?? 0);
    if (Date.now() < due) return;
    place.dataset.due = String(Date.now() + Number(place.dataset.renewS ?? 3) * 1000);
    renew(place);
  });
  setInterval(every, 500);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) every();
  });
})();
