"use strict";
(() => {
  const all = (what) => [...document.querySelectorAll(what)];
  let sent = new WeakMap();
  const marks = all("[data-live]");
  const order = document.querySelector("[data-order]");
  let live, busy = [];

  const rest = () => {
    for (const [button, words] of busy) {
      button.removeAttribute("aria-disabled");
      button.innerHTML = words;
    }
    busy = [];
  };
  addEventListener("submit", (event) => {
    const form = event.target, now = Date.now();
    if (now - (sent.get(form) || 0) < 1000) return event.preventDefault();
    sent.set(form, now);
    const button = event.submitter;
    if (!button || !button.dataset.busy) return;
    busy.push([button, button.innerHTML]);
    setTimeout(() => {
      button.setAttribute("aria-disabled", "true");
      button.textContent = button.dataset.busy;
    });
    setTimeout(rest, 4000);
  });

  const show = (stock) => {
    for (const mark of all(`[data-live="${stock.id}"]`)) {
      mark.textContent = stock.t;
      mark.className = mark.className.replace(/stock-(plenty|low|out|gone)/, "stock-" + stock.s);
    }
    for (const button of all(`[data-buy="${stock.id}"]`)) {
      button.toggleAttribute("disabled", !stock.n);
      const copies = button.form.elements.copies;
      if (copies) copies.max = Math.min(stock.n, copies.dataset.most) || 1;
    }
  };
  const open = () => {
    if (live || document.hidden || !self.EventSource) return;
    if (order) {
      live = new EventSource(order.dataset.order);
      live.onmessage = (event) => event.data !== order.dataset.state && location.reload();
    } else if (marks.length) {
      const ids = [...new Set(marks.map((mark) => mark.dataset.live))].slice(0, 24);
      live = new EventSource("/live?language=" + document.documentElement.lang + "&books=" + ids);
      live.onmessage = (event) => show(JSON.parse(event.data));
    }
  };
  const close = () => { live = live && live.close(); };
  addEventListener("pagehide", close);
  addEventListener("pageshow", () => { sent = new WeakMap(); rest(); open(); });
  addEventListener("visibilitychange", () => (document.hidden ? close() : open()));

  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.onclick = () => print();
  }
  const wrong = document.querySelector("[data-focus]");
  if (wrong) wrong.focus();
  addEventListener("keydown", (event) => {
    const field = document.querySelector("[data-slash], #q");
    if (event.key !== "/" || !field || event.target.closest("input, textarea, select")) return;
    event.preventDefault();
    field.focus();
  });
})();
