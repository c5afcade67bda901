"use strict";
// The values under the pointer, and open details on paper. The page is complete without this.

const written = (value, percent) => {
  if (value === null || value === undefined) return "–";
  if (percent) return (value * 100).toFixed(1) + "%";
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 1e15)) return value.toExponential(2);
  for (const [unit, suffix] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e4, "k"]])
    if (size >= unit) return Number((value / (suffix === "k" ? 1e3 : unit)).toPrecision(4)) + suffix;
  return String(Number(value.toPrecision(4)));
};

const nearest = (steps, step) => {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle + 1; else high = middle;
  }
  return low > 0 && step - steps[low - 1] < steps[low] - step ? low - 1 : low;
};

const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

const row = (series, step, percent, across) => {
  const at = nearest(series.x, step);
  const made = element("div");
  made.append(element("i", "c" + series.colour), element("span", "", series.name), element("b", "", written(series.y[at], percent)));
  if (series.x[at] !== step) made.append(element("small", "", `at ${across} ` + series.x[at].toLocaleString("en")));
  else if (series.low && series.low[at] !== series.high[at])
    made.append(element("small", "", `${written(series.low[at], percent)} to ${written(series.high[at], percent)}`));
  return made;
};

for (const chart of document.querySelectorAll(".chart")) {
  const data = JSON.parse(chart.querySelector("script").textContent);
  const area = chart.querySelector(".area");
  const series = data.series.filter((one) => one.x.length);
  if (!series.length) continue;
  const cross = element("div", "cross"), tip = element("div", "tip");
  const hide = () => { cross.remove(); tip.remove(); };
  area.addEventListener("pointermove", (event) => {
    const box = area.getBoundingClientRect();
    const pointed = data.low + (event.clientX - box.left) / box.width * (data.high - data.low);
    const longest = series.reduce((a, b) => (b.x.length > a.x.length ? b : a));
    const step = longest.x[nearest(longest.x, pointed)];
    const left = (step - data.low) / (data.high - data.low);
    cross.style.left = left * 100 + "%";
    tip.replaceChildren(element("b", "", `${data.across} ` + step.toLocaleString("en")), ...series.map((one) => row(one, step, data.percent, data.across)));
    tip.style.left = left < 0.5 ? `calc(${left * 100}% + 12px)` : "auto";
    tip.style.right = left < 0.5 ? "auto" : `calc(${(1 - left) * 100}% + 12px)`;
    area.append(cross, tip);
  });
  area.addEventListener("pointerleave", hide);
}

const closed = [];
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not([open])")) { one.open = true; closed.push(one); }
});
addEventListener("afterprint", () => { for (const one of closed.splice(0)) one.open = false; });
