"use strict";
(async () => {
  const plots = [...document.querySelectorAll(".plot")];
  const fail = (text) => plots.forEach((plot) => { plot.style.height = "auto"; plot.textContent = text; });
  if (typeof DecompressionStream === "undefined") {
    fail("This browser is too old to draw the plot; its numbers are in the TSV below.");
    return;
  }
  const packed = document.getElementById("plotly");
  const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const library = document.createElement("script");
  library.textContent = await new Response(unpacked).text();
  document.head.append(library);
  packed.remove();

  const narrow = window.matchMedia("(max-width: 760px)").matches;
  const size = (plot) => ({ width: plot.clientWidth, height: plot.clientHeight });
  for (const plot of plots) {
    const { data, layout } = JSON.parse(document.getElementById(plot.dataset.plot).textContent);
    // a finger scrolls the page, it does not zoom; a tap still shows the numbers
    if (narrow) layout.dragmode = false;
    await Plotly.newPlot(plot, data, { ...layout, ...size(plot) }, {
      displaylogo: false,
      displayModeBar: narrow ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "sendChartToCloud"],
      plotlyServerURL: "",
      toImageButtonOptions: { format: "svg", filename: plot.id },
    });
  }
  const fit = () => plots.forEach((plot) => {
    if (plot.clientWidth !== plot._fullLayout.width) Plotly.relayout(plot, size(plot));
  });
  let waiting;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(fit, 120); });
  // print lays out at the paper's width; details must be open to be printed
  const print = window.matchMedia("print");
  const opened = [];
  const before = () => {
    document.querySelectorAll("details:not([open])").forEach((part) => { part.open = true; opened.push(part); });
    fit();
  };
  const after = () => { opened.splice(0).forEach((part) => { part.open = false; }); setTimeout(fit, 0); };
  print.addEventListener("change", (event) => (event.matches ? before() : after()));
  window.addEventListener("beforeprint", before);
  window.addEventListener("afterprint", after);
  document.documentElement.dataset.drawn = plots.length;
})();
