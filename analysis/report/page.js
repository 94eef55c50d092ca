"use strict";
(async function () {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  for (const place of document.querySelectorAll(".chart")) {
    try {
      await vegaEmbed(place, charts.specs[Number(place.dataset.chart)], {
        mode: "vega-lite", renderer: "svg", actions: false, config: charts.look,
      });
      const picture = place.querySelector("svg");
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", place.dataset.label);
    } catch (error) {
      place.textContent = "This chart could not be drawn: " + error.message;
    }
    await new Promise((next) => setTimeout(next)); // the page stays responsive between charts
  }
  document.documentElement.dataset.drawn = "true";
})();
