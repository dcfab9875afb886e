// A button that says data-copy takes along what it names, and says that it did.
"use strict";
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const { value, textContent } = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(value ?? textContent);
    button.nextElementSibling.textContent = button.dataset.done;
  });
}
