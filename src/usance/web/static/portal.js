// The portal works without this file; with it, a form is sent once and a choice holds at once.
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
});

for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// Another amount is meant as soon as it is typed in.
const other = document.querySelector("[data-other]");
if (other) {
  const choice = document.getElementById(other.dataset.other);
  other.addEventListener("input", () => { choice.checked = true; });
}

// A payment that is on its way is looked at again.
const waiting = document.querySelector("[data-refresh]");
if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.refresh) * 1000);
