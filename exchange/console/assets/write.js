// Keeps what is being typed. The form works without this: its button "save" does
// the same.
const form = document.querySelector("form[data-autosave]");
if (form) {
  const said = document.getElementById("saved");
  let timer = 0;
  let changed = false; // since it was sent last
  let stopped = false;
  let sending = null;

  // Whoever listens hears that what is typed is kept, and not again with every pause;
  // and every time that it could not be.
  const told = document.getElementById("told");
  let heard = null; // whether the last of it was bad
  const say = (text, bad = false) => {
    said.textContent = text;
    said.classList.toggle("saved--bad", bad);
    if (bad ? told.textContent !== text : heard !== bad) told.textContent = text;
    heard = bad;
  };

  // A file is sent once, when it was chosen, and not with every letter.
  const chosen = new Set();
  form.addEventListener("change", (event) => {
    if (event.target.type === "file") chosen.add(event.target.name);
  });
  const typed = () => {
    const data = new FormData(form);
    data.set("do", "autosave");
    for (const field of form.querySelectorAll("input[type=file]")) {
      if (!chosen.has(field.name)) data.delete(field.name);
    }
    return chosen.size ? data : new URLSearchParams(data);
  };

  // What a browser sends for a page that is gone has at most 64 KiB.
  const outlives = (data) => data instanceof URLSearchParams && String(data).length < 60000;

  const save = async () => {
    clearTimeout(timer);
    while (sending) await sending;
    if (stopped || !changed) return;
    const data = typed();
    changed = false;
    chosen.clear();
    sending = fetch(form.action, { method: "POST", body: data, redirect: "error", keepalive: outlives(data) })
      .then(async (answer) => {
        const told = await answer.json();
        if (told.version) { // kept, after the session's end too: then for its officer
          form.elements.version.value = told.version;
          history.replaceState(null, "", form.action); // a reload goes on with it
          document.querySelector(".languages [name=to]").value = location.pathname;
          say(told.saved ?? told.said, !answer.ok);
          return;
        }
        stopped = true;
        say(told.said, true);
      })
      .catch(() => {
        for (const field of form.querySelectorAll("input[type=file]")) if (field.value) chosen.add(field.name);
        say(form.dataset.unsaved, true);
        changed = true;
        timer = setTimeout(save, 10000);
      })
      .finally(() => {
        sending = null;
      });
    await sending;
  };

  form.addEventListener("input", () => {
    if (stopped) return;
    changed = true;
    clearTimeout(timer);
    timer = setTimeout(save, 1500);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") save();
  });
  addEventListener("pagehide", save);
  // A link, and any other form of the page, waits until what was typed is kept: the next
  // page has it then. Where it could not be kept, this page says so and stays.
  const leave = (event, go) => {
    if (stopped || !changed && !sending) return;
    event.preventDefault();
    save().then(() => { if (!changed && !stopped) go(); });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || link.target || link.getAttribute("href").startsWith("#") || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    leave(event, () => location.assign(link.href));
  });
  document.addEventListener("submit", (event) => {
    if (event.target !== form) leave(event, () => event.target.requestSubmit(event.submitter));
  });
  // A button of the form waits for what is on its way, so that the two do not
  // meet as two versions.
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!sending) {
      stopped = true;
      return;
    }
    event.preventDefault();
    const button = event.submitter;
    sending.then(() => {
      stopped = true;
      form.requestSubmit(button);
    });
  });
}
