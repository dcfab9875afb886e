// Keeps what is being typed. The form works without this: its button "save" does
// the same.
const form = document.querySelector("form[data-autosave]");
if (form) {
  const said = document.getElementById("saved");
  let timer = 0;
  let stopped = false;
  let sending = null;

  const say = (text, bad) => {
    said.textContent = text;
    said.classList.toggle("saved--bad", Boolean(bad));
  };

  // A file is sent once, when it was chosen, and not with every letter.
  const chosen = new Set();
  form.addEventListener("change", (event) => {
    if (event.target.type === "file") chosen.add(event.target.name);
  });
  const typed = () => {
    const data = new FormData(form);
    data.set("do", "autosave");
    if (form.enctype !== "multipart/form-data") return new URLSearchParams(data);
    for (const field of form.querySelectorAll("input[type=file]")) {
      if (!chosen.has(field.name)) data.delete(field.name);
    }
    return data;
  };

  const save = async () => {
    clearTimeout(timer);
    timer = 0;
    if (stopped) return;
    if (sending) await sending;
    const data = typed();
    chosen.clear();
    sending = fetch(form.action, { method: "POST", body: data, redirect: "error" })
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
        timer = setTimeout(save, 10000);
      })
      .finally(() => {
        sending = null;
      });
    await sending;
  };

  form.addEventListener("input", () => {
    if (stopped) return;
    clearTimeout(timer);
    timer = setTimeout(save, 1500);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden" && timer) save();
  });
  // A button of the form waits for what is on its way, so that the two do not
  // meet as two versions.
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    timer = 0;
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
