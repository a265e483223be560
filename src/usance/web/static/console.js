// The console works without this file; with it, a figure's "why" and an action open in place.
"use strict";

const dialog = document.getElementById("window");
const body = document.getElementById("window-body");

async function open(link) {
  const answer = await fetch(link.href, { headers: { "X-Fragment": "1" } });
  if (!answer.ok || answer.redirected) {
    location.href = link.href;
    return;
  }
  body.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
  dialog.setAttribute("aria-label", body.querySelector("h1, h2")?.textContent ?? "");
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-window]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (link && plain) {
    event.preventDefault();
    open(link).catch(() => { location.href = link.href; });
  }
  if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
});

// A form is sent once; the key in it would make a second sending harmless anyway.
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
});

// Say a result once: a reload should not say it again.
if (document.getElementById("flash")) {
  const address = new URL(location.href);
  address.searchParams.delete("done");
  history.replaceState(null, "", address);
}

// The menu of a phone does not stay open over what the keyboard has reached.
document.addEventListener("focusin", (event) => {
  const menu = document.querySelector(".menu:popover-open");
  if (menu && !event.target.closest(".menu, .opener")) menu.hidePopover();
});

// While a day is being closed, its progress is asked for.
const progress = document.querySelector("[data-refresh]");
if (progress) setTimeout(() => location.reload(), Number(progress.dataset.refresh) * 1000);

for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
