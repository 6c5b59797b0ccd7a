/* The chart of the overview: drawn in the page's own colours, and again when theme, size or numbers change. */
"use strict";
(() => {
  const place = document.getElementById("throughput");
  const sum = document.getElementById("throughput-sum");
  const chart = echarts.init(place, null, { renderer: "canvas" });
  const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  let known = { times: [], orders: [], shipments: [] };

  const series = (name, numbers, tint) => ({
    name,
    type: "bar",
    data: numbers,
    itemStyle: { color: tint, borderRadius: [2, 2, 0, 0] },
    barMaxWidth: 14,
    barGap: "12%",
  });
  const draw = () => {
    const soft = colour("--ink-soft");
    const text = { color: soft, fontSize: 12, fontFamily: colour("--sans") };
    chart.setOption({
      animation: false,
      aria: { enabled: false },
      grid: { left: 4, right: 4, top: 14, bottom: 0, containLabel: true },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        backgroundColor: colour("--paper"),
        borderColor: colour("--line"),
        textStyle: { ...text, color: colour("--ink") },
        axisPointer: { type: "shadow", shadowStyle: { color: colour("--plain-soft"), opacity: 0.6 } },
      },
      xAxis: {
        type: "category",
        data: known.times,
        axisLabel: { ...text, hideOverlap: true },
        axisTick: { show: false },
        axisLine: { lineStyle: { color: colour("--line") } },
      },
      yAxis: { type: "value", minInterval: 1, axisLabel: text, splitLine: { lineStyle: { color: colour("--line-soft") } } },
      series: [
        series(place.dataset.orders, known.orders, colour("--chart-1")),
        series(place.dataset.shipments, known.shipments, colour("--chart-2")),
      ],
    });
  };
  const total = (numbers) => numbers.reduce((so, one) => so + one, 0).toLocaleString();
  document.addEventListener("console:news", (event) => {
    if (!event.target.contains(place)) return;
    known = event.detail;
    sum.textContent = sum.dataset.text.replace("{orders}", total(known.orders)).replace("{shipments}", total(known.shipments));
    draw();
  });
  document.addEventListener("console:theme", draw);
  new ResizeObserver(() => chart.resize()).observe(place);
})();
