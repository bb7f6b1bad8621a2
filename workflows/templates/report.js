"use strict";
// Shows the report as it stood after each revision. The page reads without this.
(() => {
  const $ = (id) => document.getElementById(id);
  const slider = $("slider");
  const report = $("report");
  const drafts = [...document.querySelectorAll(".replayed")];
  const causes = [...document.querySelectorAll(".cause")];
  const marked = [...document.querySelectorAll("svg.revision")];
  let timer = 0;

  function show(place) {
    const draft = drafts[place - 1];
    for (const other of drafts) other.hidden = other !== draft;
    causes.forEach((cause, n) => { cause.hidden = n !== place - 1; });
    for (const point of marked) point.classList.toggle("now", point.dataset.revision === draft.dataset.revision);
    report.hidden = true;
    $("close").hidden = false;
    slider.value = place;
    slider.setAttribute("aria-valuetext", `Revision ${place} of ${drafts.length}`);
    $("where").textContent = `${place} of ${drafts.length}`;
  }

  // Brings the first change into the window, if it is not there.
  function look(place) {
    const change = drafts[place - 1].querySelector("ins, del");
    const box = change && change.getBoundingClientRect();
    if (box && (box.top < $("bar").offsetHeight || box.bottom > innerHeight)) change.scrollIntoView({ block: "center" });
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    $("play").classList.remove("running");
    $("play").setAttribute("aria-label", "Replay the revisions");
  }

  function close() {
    stop();
    for (const part of [...drafts, ...causes, $("close")]) part.hidden = true;
    for (const point of marked) point.classList.remove("now");
    report.hidden = false;
    slider.value = drafts.length;
    $("where").textContent = `${drafts.length} of ${drafts.length}`;
  }

  function play() {
    if (timer) return stop();
    $("play").classList.add("running");
    $("play").setAttribute("aria-label", "Pause the replay");
    let place = 1;
    show(place);
    look(place);
    timer = setInterval(() => {
      if (place === drafts.length) return stop();
      place += 1;
      show(place);
      look(place);
    }, 2500);
  }

  $("bar").hidden = false;
  if (drafts.length) {
    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    slider.addEventListener("change", () => look(Number(slider.value)));
    $("play").addEventListener("click", play);
    $("close").addEventListener("click", () => { close(); slider.focus(); });
    // A link to a claim, a section or a source means the report as it is now.
    addEventListener("hashchange", close);
    addEventListener("beforeprint", close);
  }

  $("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // A card stays inside the window; Escape puts it away until the pointer or the focus moves on.
  function settle(event) {
    document.body.classList.remove("quiet");
    const claim = event.target.closest ? event.target.closest("article .claim") : null;
    const card = claim && claim.querySelector(".card");
    if (!card || getComputedStyle(card).position !== "absolute") return;
    card.style.translate = "";
    const box = card.getBoundingClientRect();
    const over = box.bottom - innerHeight + 12;
    if (over > 0) card.style.translate = `0 ${-Math.min(over, Math.max(0, box.top - 12))}px`;
  }
  document.addEventListener("mouseover", settle);
  document.addEventListener("focusin", settle);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.body.classList.add("quiet");
  });
})();
