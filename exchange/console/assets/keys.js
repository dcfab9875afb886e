// Single keys for what the mouse does; every page works without them. An officer
// can turn them off (WCAG 2.1.4), and they never act while somebody types.
const off = () => localStorage.getItem("keys") === "off";
const places = { w: "/", m: "/messages", c: "/cases", f: "/find" };
let going = 0; // when g was pressed

const rows = () => [...document.querySelectorAll("main tbody th a, main .line__head a")].filter((a) => a.offsetParent);

function step(by) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(document.activeElement);
  all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)].focus();
}

function find() {
  const field = document.querySelector("main [role=search] input:not([type=hidden])");
  field?.closest("details")?.setAttribute("open", "");
  if (field) field.focus();
  else location.assign("/find");
}

// act goes to what a page is for: what can be answered, sent next or decided. It
// presses nothing.
function act() {
  const all = document.querySelectorAll("main .govuk-button:not(.govuk-button--secondary, .govuk-button--warning, [tabindex])");
  [...all].find((e) => e.offsetParent && !e.closest(".filters, .why, [role=search]"))?.focus();
}

document.addEventListener("keydown", (e) => {
  if (off() || e.ctrlKey || e.altKey || e.metaKey || e.isComposing || e.repeat && !"jk".includes(e.key)) return;
  if (e.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]")) return;
  const went = Date.now() - going < 1500;
  going = 0;
  if (went && places[e.key]) location.assign(places[e.key]);
  else if (e.key === "g") going = Date.now();
  else if (e.key === "j") step(1);
  else if (e.key === "k") step(-1);
  else if (e.key === "/") find();
  else if (e.key === "r") document.querySelector("main #reason")?.focus();
  else if (e.key === "a") act();
  else if (e.key === "?") location.assign("/help");
  else return;
  e.preventDefault();
});

// Escape shuts the menu that is open, also where the other keys are off.
document.addEventListener("keydown", (e) => {
  const menu = e.key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// A menu shuts when somebody leaves it, or it would lie over what has the focus. Another
// window is no leaving.
for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("focusout", (e) => {
    if (!menu.contains(e.relatedTarget) && !menu.contains(document.activeElement)) menu.open = false;
  });
}

const choice = document.querySelector("[data-keys]");
if (choice) {
  const button = choice.querySelector("button");
  const say = () => { button.textContent = off() ? button.dataset.on : button.dataset.off; };
  button.addEventListener("click", () => { localStorage.setItem("keys", off() ? "on" : "off"); say(); });
  say();
  choice.hidden = false;
}
