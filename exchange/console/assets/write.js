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

  const save = async () => {
    clearTimeout(timer);
    timer = 0;
    if (stopped) return;
    if (sending) await sending;
    const data = new URLSearchParams(new FormData(form));
    data.set("do", "autosave");
    sending = fetch(form.action, { method: "POST", body: data, redirect: "error" })
      .then(async (answer) => {
        const told = await answer.json();
        if (answer.ok) {
          form.elements.version.value = told.version;
          history.replaceState(null, "", form.action); // a reload goes on with it
          say(told.saved);
          return;
        }
        stopped = true;
        say(told.said, true);
      })
      .catch(() => {
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
