// While a PDF is made the page says so. Without this the browser asks for the file
// itself, and says nothing until it has come.
"use strict";
const making = document.getElementById("making");
const tell = (made) => { // what listens is there before it is told anything
  making.hidden = made;
  making.nextElementSibling.textContent = made ? "" : making.ariaLabel;
};
for (const form of document.querySelectorAll("form[data-pdf]")) {
  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button?.value.endsWith("pdf") || form.dataset.plain) return;
    event.preventDefault();
    if (!making.hidden) return; // one at a time
    tell(false);
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, button)) }).catch(() => null);
    if (answer?.headers.get("Content-Type") === "application/pdf") {
      const file = URL.createObjectURL(await answer.blob());
      const name = answer.headers.get("Content-Disposition").replace(/^.*filename="?([^";]+)"?.*$/, "$1");
      Object.assign(document.createElement("a"), { href: file, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(file), 60000);
    } else { // it says what is wrong, or asks to sign in
      form.dataset.plain = "1";
      form.requestSubmit(button);
    }
    tell(true);
  });
}
