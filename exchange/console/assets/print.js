// While a PDF is made the page says so: an answer that is a file leads to no other page.
// It brings a cookie that has the mark of its form, and nothing else.
"use strict";
const making = document.getElementById("making");
for (const form of document.querySelectorAll("form[data-pdf]")) {
  form.addEventListener("submit", (event) => {
    if (!event.submitter?.value.endsWith("pdf")) return;
    const mark = crypto.randomUUID(), ends = Date.now() + 60000;
    form.elements.mark.value = mark;
    making.hidden = false;
    const timer = setInterval(() => {
      if (!document.cookie.includes(`pdf=${mark}`) && Date.now() < ends) return;
      clearInterval(timer);
      making.hidden = true;
      document.cookie = "pdf=; Max-Age=0; Path=/; Secure; SameSite=Strict";
    }, 200);
  });
}
