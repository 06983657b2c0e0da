// The compliance page's filters, jumps and theme. Without it everything can still be read.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const filters = $("filters");
  const fields = ["q", "severity", "cluster", "status"].map($);
  const found = $("found");
  const table = document.querySelector("table");
  const bodies = [...document.querySelectorAll("tbody[data-cluster]")];
  const rows = bodies.flatMap((body) => [...body.querySelectorAll("tr[data-router]")]);
  const sections = new Map(
    [...document.querySelectorAll(".router")].map((section) => [section.id, section]),
  );
  const findings = [...document.querySelectorAll("details[data-severity]")];
  const themes = { "": "system", light: "light", dark: "dark" };
  const texts = new Map();
  let at = "";

  /** The lower-case text of an element, read once. */
  const textOf = (element) => {
    if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
    return texts.get(element);
  };

  /** Show the findings of one router that match, and say how many; the router itself if none must. */
  const filterRouter = (row, words, severity) => {
    const section = sections.get(row.dataset.router);
    if (!section) return { matches: !severity && words.every((w) => textOf(row).includes(w)), count: 0 };
    const heading = textOf(section.querySelector("h3"));
    const failed = section.querySelector(".failed");
    let count = 0;
    for (const finding of section.querySelectorAll("details")) {
      const matches =
        (!severity || finding.dataset.severity === severity) &&
        words.every((word) => heading.includes(word) || textOf(finding).includes(word));
      finding.hidden = !matches;
      count += matches;
    }
    const own = !severity && words.every(
      (word) => heading.includes(word) || (failed && textOf(failed).includes(word)),
    );
    section.hidden = !(count || own);
    return { matches: count > 0 || own, count };
  };

  /** Take away the columns of checks that found nothing, or bring them back. */
  const narrow = (yes) => {
    if (!table || table.classList.contains("found") === yes) return;
    table.classList.toggle("found", yes);
    const cols = [...table.querySelectorAll("col")];
    const clean = cols.map((col) => yes && col.classList.contains("clean"));
    cols.forEach((col, i) => { col.hidden = clean[i]; });
    const left = clean.filter((gone) => !gone).length;
    for (const { cells } of table.rows) {
      if (cells.length === cols.length) clean.forEach((gone, i) => { cells[i].hidden = gone; });
      else cells[cells.length - 1].colSpan = Math.max(1, left - cells.length + 1);
    }
  };

  const apply = () => {
    const [q, severity, cluster, status] = fields.map((field) => field.value);
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    let routers = 0;
    let shown = 0;
    for (const row of rows) {
      const { matches, count } = filterRouter(row, words, severity);
      const keep = matches && (!cluster || row.parentNode.dataset.cluster === cluster) &&
        (!status || row.dataset.status === status);
      row.hidden = !keep;
      const section = sections.get(row.dataset.router);
      if (section) section.hidden = !keep;
      if (keep) { routers += 1; shown += count; }
    }
    for (const body of bodies) body.hidden = !body.querySelector("tr[data-router]:not([hidden])");
    narrow(found.checked);
    $("none").hidden = routers > 0;
    $("shown").value =
      `${routers} of ${rows.length} routers, ${shown} of ${findings.length} findings`;
  };

  const theme = (name) => {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    $("theme").textContent = `Theme: ${themes[name]}`;
  };

  /** What the address says after `#`: the filters, the theme, and what was jumped to. */
  const state = () => {
    const all = new URLSearchParams();
    for (const field of fields) if (field.value) all.set(field.id, field.value);
    if (found.checked) all.set("found", "1");
    if (document.documentElement.dataset.theme) all.set("theme", document.documentElement.dataset.theme);
    if (at) all.set("at", at);
    return `#${all}`;
  };

  const show = (id) => {
    document.querySelector("details.at")?.classList.remove("at");
    const target = id && $(id);
    if (!target) return;
    if (target.closest("[hidden]")) {
      for (const field of fields) field.value = "";
      apply();
    }
    if (target.matches("details")) {
      target.open = true;
      target.classList.add("at");
    }
    target.scrollIntoView({ block: "start" });
    (target.querySelector("summary, h3[tabindex]") || target).focus({ preventScroll: true });
  };

  const restore = () => {
    const hash = location.hash.slice(1);
    const plain = /^[\w-]+$/.test(hash);
    const all = new URLSearchParams(plain ? { at: hash } : hash);
    for (const field of fields) field.value = all.get(field.id) || "";
    for (const field of fields) if (field.selectedIndex === -1) field.value = "";
    found.checked = all.has("found");
    const wanted = all.get("theme") || "";
    theme(Object.hasOwn(themes, wanted) ? wanted : "");
    apply();
    at = all.get("at") || "";
    show(at);
  };

  const changed = () => {
    at = "";
    apply();
    history.replaceState(null, "", state());
  };

  for (const field of [...fields, found]) field.addEventListener("input", changed);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(changed));
  $("theme").addEventListener("click", () => {
    const names = Object.keys(themes);
    const now = document.documentElement.dataset.theme || "";
    theme(names[(names.indexOf(now) + 1) % names.length]);
    history.replaceState(null, "", state());
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    at = link.getAttribute("href").slice(1);
    show(at);
    history.pushState(null, "", state());
  });
  addEventListener("popstate", restore);

  // Paper has no clicks: everything is unfolded on it, also where CSS alone cannot do that.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const each of closed) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; });

  restore();
})();
