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

// What something costs is read before it is confirmed; the book refuses earlier answers by itself.
const reading = document.querySelector("[data-wait]");
if (reading) {
  const button = reading.closest("form").querySelector("button");
  const left = reading.querySelector("[data-left]");
  const until = Date.now() + Number(reading.dataset.wait) * 1000;
  const look = () => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    button.disabled = seconds > 0;
    left.textContent = String(Math.max(seconds, 0));
    if (seconds > 0) setTimeout(look, 250);
    else reading.hidden = true;
  };
  look();
}
