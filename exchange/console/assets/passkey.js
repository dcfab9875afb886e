// A form that says data-passkey asks the browser's passkey before it is sent:
// the server is asked for the options, and the answer goes along in the form.
// Where this does not run, or the server asks for something else first, the form
// is sent as it is.
"use strict";
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) break;
  for (const part of form.querySelectorAll("[data-script]")) part.hidden = false;
  const fault = form.querySelector("[data-fault]");
  let plain = false;
  form.addEventListener("submit", async (event) => {
    if (plain || event.submitter?.hasAttribute("data-plain")) return;
    event.preventDefault();
    fault.hidden = true;
    const options = await fetch(form.dataset.options, { method: "POST", body: new URLSearchParams(new FormData(form, event.submitter)) }).catch(() => null);
    if (!options?.ok || options.redirected) {
      plain = true;
      form.requestSubmit(event.submitter);
      return;
    }
    const { token, publicKey } = await options.json();
    try {
      const made = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
      form.elements.token.value = token;
      form.elements.passkey.value = JSON.stringify(made);
      form.submit();
    } catch {
      fault.hidden = false; // its owner has turned it down, or there is none here
      fault.focus();
    }
  });
}
