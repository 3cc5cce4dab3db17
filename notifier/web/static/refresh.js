// Keeps the parts of a page that change up to date: fetches them again while somebody looks.
"use strict";

for (const place of document.querySelectorAll("[data-refresh]")) {
  let last = "";
  const every = Number(place.dataset.every) || 2000;

  const opened = () =>
    [...place.querySelectorAll("details[open][id]")].map((element) => element.id);

  const look = async () => {
    if (!document.hidden && !place.contains(document.activeElement?.closest("form"))) {
      try {
        const answer = await fetch(place.dataset.refresh, { redirect: "error" });
        if (answer.ok) {
          const text = await answer.text();
          if (text !== last) {
            const open = opened();
            const focused = document.activeElement?.getAttribute("href");
            const inside = place.contains(document.activeElement);
            const scrolled = [...place.querySelectorAll(".scroll")].map((box) => box.scrollTop);
            place.innerHTML = text;
            for (const id of open) document.getElementById(id)?.setAttribute("open", "");
            place.querySelectorAll(".scroll").forEach((box, n) => { box.scrollTop = scrolled[n] || 0; });
            if (inside && focused) place.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
            last = text;
          }
        }
        place.classList.toggle("stale", !answer.ok);
      } catch {
        place.classList.add("stale");
      }
    }
    setTimeout(look, every);
  };
  setTimeout(look, place.dataset.now === undefined ? every : 0);
}
