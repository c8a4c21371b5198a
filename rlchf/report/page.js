// Draws the charts, in the colours of the page; a click on a name highlights it in the charts of its section.
(() => {
  "use strict";
  const read = (node) => JSON.parse(node.textContent);
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => ({
    figure,
    section: figure.closest("section"),
    spec: read(figure.querySelector("script.spec")),
    view: null,
  }));

  const draws = ({ spec }, field, name) =>
    Object.values(spec.datasets ?? {}).some((rows) => rows.some((row) => row[field] === name));

  const highlight = (section, kind, name) => {
    for (const chart of charts) {
      if (chart.section !== section || !chart.view) continue;
      for (const [field, of] of Object.entries(chart.spec.usermeta?.links ?? {})) {
        if (of === kind) chart.view.signal(`picked_${field}`, draws(chart, field, name) ? name : "").runAsync();
      }
    }
  };

  const picked = new Map();
  const pick = (chart, datum) => {
    for (const [field, kind] of Object.entries(chart.spec.usermeta?.links ?? {})) {
      const name = datum && typeof datum[field] === "string" ? datum[field] : "";
      const names = picked.get(chart.section) ?? {};
      names[kind] = names[kind] === name ? "" : name;
      picked.set(chart.section, names);
      highlight(chart.section, kind, names[kind]);
    }
  };

  const draw = async (chart) => {
    const { figure, spec } = chart;
    const place = figure.querySelector(".live");
    figure.classList.add("drawn");
    if (!place.offsetWidth) {
      figure.classList.remove("drawn");
      return; // in a closed fold: drawn when it is opened
    }
    const theme = structuredClone(read(document.getElementById("themes"))[dark.matches ? "dark" : "light"]);
    theme.axis.labelLimit = Math.min(theme.axis.labelLimit, 0.32 * place.offsetWidth);
    theme.legend.columns = place.offsetWidth < 500 ? 1 : 3;
    chart.view?.finalize();
    chart.view = null;
    try {
      const made = await vegaEmbed(place, spec, {
        mode: "vega-lite", renderer: "svg", actions: false, config: theme,
        tooltip: { theme: dark.matches ? "dark" : "light" },
      });
      chart.view = made.view;
      made.view.addEventListener("click", (_, item) => pick(chart, item?.datum));
    } catch (error) {
      figure.classList.remove("drawn"); // the static picture stays
      console.error(error);
    }
  };

  const drawAll = async () => {
    for (const chart of charts) await draw(chart);
    root.dataset.drawn = charts.filter((chart) => chart.view).length;
  };

  for (const fold of document.querySelectorAll("details")) {
    fold.addEventListener("toggle", () => {
      if (!fold.open) return;
      for (const chart of charts) if (!chart.view && fold.contains(chart.figure)) draw(chart);
    });
  }
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details:not([open]):not(.unprinted)")) {
      fold.open = true;
      fold.dataset.printed = "";
    }
  });
  addEventListener("afterprint", () => {
    for (const fold of document.querySelectorAll("details[data-printed]")) {
      fold.open = false;
      delete fold.dataset.printed;
    }
  });

  for (const table of document.querySelectorAll(".table:has(.filter)")) {
    const label = table.querySelector(".filter");
    const rows = [...table.querySelectorAll("tbody tr")];
    label.hidden = false;
    label.querySelector("input").addEventListener("input", ({ target }) => {
      const words = target.value.trim().toLowerCase();
      table.classList.toggle("found", words !== "");
      for (const row of rows) row.classList.toggle("other", !row.textContent.toLowerCase().includes(words));
    });
  }

  const sized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      target.closest(".table").classList.toggle("scrolls", target.scrollWidth > target.clientWidth + 1);
    }
  });
  for (const box of document.querySelectorAll(".wide")) sized.observe(box);

  if (charts.length) {
    dark.addEventListener("change", drawAll);
    drawAll();
  }
})();
