// Tells an open page that something has happened: the server says it in words,
// and this shows them. Without it nothing is lost; the page is reloaded by hand.
"use strict";
(() => {
  const live = document.getElementById("live");
  if (!live || !window.EventSource) return;
  const made = document.querySelector("[data-working]");
  const source = new EventSource(made ? "/events?reports=1" : "/events");
  const show = (name, words) => {
    const part = live.querySelector("[data-live=" + name + "]");
    if (words && part.firstElementChild.textContent !== words) part.firstElementChild.textContent = words;
    part.hidden = !words;
  };
  source.addEventListener("news", e => show("news", e.data));
  source.addEventListener("emergencies", e => show("emergencies", e.data));
  source.addEventListener("lost", e => show("lost", e.data));
  source.addEventListener("lines", e => show("lines", e.data));
  source.addEventListener("unused", e => show("unused", e.data));
  source.addEventListener("ends", e => show("ends", e.data));
  source.addEventListener("over", () => {
    show("unused");
    show("ends");
    show("over", live.dataset.over);
    document.documentElement.classList.add("gone"); // what was shown is for nobody who sits down here now
    source.close();
  });
  // Whoever goes on uses the session by any page, and is back where they were.
  const unused = live.querySelector("[data-live=unused]");
  let from;
  unused.addEventListener("focusin", e => { from = e.relatedTarget ?? from; });
  unused.querySelector("button").addEventListener("click", async () => {
    const answer = await fetch("/help").catch(() => null);
    if (!answer?.ok || answer.redirected) return; // the stream says what has become of it
    show("unused");
    from?.focus();
  });
  // A report that is there has its button on the page as it would be now. Its row alone
  // is taken from that: somebody may be typing beside it.
  const renew = async row => {
    const answer = await fetch("/reports");
    if (!answer.ok || answer.redirected) return;
    const now = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = now.querySelector('[data-report="' + CSS.escape(row.dataset.report) + '"]');
    if (fresh) {
      row.replaceWith(fresh);
      document.getElementById("told").textContent = fresh.dataset.told ?? "";
    }
    if (!now.querySelector("[data-working]")) document.querySelector("#made .panel__more")?.remove();
  };
  source.addEventListener("reports", e => {
    for (const report of JSON.parse(e.data)) {
      const row = document.querySelector('[data-report="' + CSS.escape(report.id) + '"]');
      if (!row || row.dataset.state !== "due") continue;
      if (report.state !== "due") {
        row.dataset.state = report.state; // once
        renew(row);
        continue;
      }
      const bar = row.querySelector("progress");
      if (bar) bar.value = report.percent;
    }
  });
})();
