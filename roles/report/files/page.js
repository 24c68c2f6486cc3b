// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright: vbox.memory contributors

// Sorts and filters the tables, and draws the lines over time. Everything else stands in the page and needs no script.
// Text goes into the page as text only (textContent).
(() => {
  const UNKNOWN = "–";
  const rows = [...document.querySelectorAll(".scroll tbody tr")].map((row) => ({ row, text: null }));

  // --- Rows that lay themselves out (page.css says why). A browser then takes the elements for no table, so their roles are said.

  const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
  document.documentElement.classList.add("quick");
  document.documentElement.classList.toggle("many", rows.length > 200);
  for (const element of document.querySelectorAll(".scroll :is(table, thead, tbody, tr, th, td)")) {
    element.setAttribute("role", ROLES[element.tagName] ?? (element.scope === "col" ? "columnheader" : "rowheader"));
  }

  // --- Sorting

  for (const table of document.querySelectorAll(".scroll table")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      heading.replaceChildren(button);
      button.addEventListener("click", () => sort(table, headings, heading, column));
    });
  }

  function sort(table, headings, heading, column) {
    const isNumber = heading.classList.contains("n");
    const first = isNumber ? "descending" : "ascending";
    const other = isNumber ? "ascending" : "descending";
    const order = heading.getAttribute("aria-sort") === first ? other : first;
    for (const each of headings) {
      each.removeAttribute("aria-sort");
    }
    heading.setAttribute("aria-sort", order);
    const direction = order === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => [keyOf(row.cells[column], isNumber), row]);
    keyed.sort(([one], [two]) => compare(one, two, direction));
    body.replaceChildren(...keyed.map(([, row]) => row));
  }

  function keyOf(cell, isNumber) {
    const text = cell.textContent;
    if (text === UNKNOWN) {
      return null;
    }
    return isNumber ? Number(cell.dataset.v ?? text.replace(/[^\d.-]/g, "")) : text.toLowerCase();
  }

  // What is not known comes last, whatever the order.
  function compare(one, two, direction) {
    if (one === null || two === null) {
      return (one === null) - (two === null);
    }
    return direction * (typeof one === "number" ? one - two : one < two ? -1 : one > two ? 1 : 0);
  }

  // --- Filtering

  const filter = document.getElementById("filter");
  const kind = document.getElementById("kind");
  const shown = document.getElementById("shown");
  const words = (number) => `${number.toLocaleString("en")} ${number === 1 ? "machine" : "machines"}`;

  function show() {
    const wanted = filter.value.trim().toLowerCase();
    let fits = 0;
    for (const each of rows) {
      each.text ??= each.row.textContent.toLowerCase();
      const visible = (!kind.value || kind.value in each.row.dataset) && each.text.includes(wanted);
      fits += visible;
      if (each.row.hidden === visible) {
        each.row.hidden = !visible;
      }
    }
    for (const table of document.querySelectorAll(".scroll table")) {
      const none = table.tBodies[0].querySelector("tr:not([hidden])") === null;
      table.parentElement.hidden = none;
      table.parentElement.nextElementSibling.hidden = !none;
    }
    shown.textContent = fits === rows.length ? words(fits) : `${words(fits)} of ${rows.length.toLocaleString("en")}`;
  }

  filter.addEventListener("input", show);
  kind.addEventListener("change", show);
  filter.form.addEventListener("submit", (event) => event.preventDefault());
  if (filter.value || kind.value) {
    show();
  }

  // A link to a machine that the filter hides shows all machines again.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.hidden) {
      filter.value = kind.value = "";
      show();
      target.scrollIntoView();
    }
  });

  // On paper nothing can be opened: what stands out, what is to do, and balance's sentences are, for as long as it is printed.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".found:not([open]), .told-on-paper details:not([open])")];
    for (const details of opened) {
      details.open = true;
    }
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened) {
      details.open = false;
    }
  });

  // --- Lines over time

  const data = document.getElementById("lines");
  if (!data) {
    return;
  }
  const lines = JSON.parse(data.textContent);
  const names = Object.keys(lines.hosts);
  const LABELS = {
    memory_used_kb: ["In use on the host", 1024, "--other"],
    vmm_used_kb: ["Held by machines", 1024, "--machines"],
    ballooned_kb: ["In balloons", 1024, "--given"],
    running_mb: ["Running machines", 1, "--reserve"],
    used_kb: ["Used by programs", 1024, "--machines"],
    balloon_given_mb: ["Balloon given", 1, "--given"],
  };
  const SETTINGS = {
    balloon_asked_mb: "balloon asked",
    balloon_default_mb: "default balloon",
    memory_mb: "memory",
    page_fusion: "Page Fusion",
    large_pages: "large pages",
    state: "state",
  };
  const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
  const time = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const isShort = lines.times.at(-1) - lines.times[0] < 1200; // seconds: then the seconds of each matter
  const clock = (seconds) => {
    const text = new Date(seconds * 1000).toISOString();
    return `${text.slice(11, isShort ? 19 : 16)}\n${text.slice(5, 10)}`;
  };
  const megabytes = (value) => (value === null || value === undefined ? UNKNOWN : `${Math.round(value).toLocaleString("en")} MB`);
  const SWITCH = new Map([
    [null, UNKNOWN],
    [true, "on"],
    [false, "off"],
  ]);
  const withUnit = (setting, value) => SWITCH.get(value) ?? (setting.endsWith("_mb") ? megabytes(value) : String(value));

  for (const details of document.querySelectorAll(".history")) {
    const host = names[Number(details.dataset.host)];
    const choice = details.querySelector("select");
    const update = () => draw(details, host, choice.value);
    choice.addEventListener("change", update);
    details.addEventListener("toggle", () => details.open && update());
  }

  function draw(details, host, uuid) {
    const series = uuid ? lines.machines[host][uuid] : lines.hosts[host];
    const events = lines.events.filter((event) => event.host === host && (!uuid || event.uuid === uuid));
    const columns = Object.entries(series).map(([key, values]) => {
      const [label, by, color] = LABELS[key];
      return { label, color, values: values.map((value) => (value === null ? null : value / by)) };
    });
    plot(details.querySelector(".chart"), columns, events);
    details.querySelector(".told").replaceChildren(numbers(columns), happened(events));
  }

  function plot(place, columns, events) {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: color("--text"), grid: { stroke: color("--line") }, ticks: { stroke: color("--line") } };
    place.replaceChildren();
    new uPlot(
      {
        width: Math.max(280, place.clientWidth),
        height: 260,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        scales: { y: { range: (_plot, _least, most) => [0, (most || 1) * 1.05] } },
        axes: [
          { ...axis, space: 80, values: (_plot, splits) => splits.map(clock) },
          { ...axis, size: 90, values: (_plot, values) => values.map(megabytes) },
        ],
        series: [
          { label: "Time", value: (_plot, value) => (value === null ? UNKNOWN : time(value)) },
          ...columns.map((column, number) => ({
            label: column.label,
            stroke: color(column.color),
            dash: DASHES[number],
            width: 2,
            spanGaps: false,
            value: (_plot, value) => megabytes(value),
          })),
        ],
        hooks: { draw: [(plot) => marks(plot, events, color("--quiet"))] },
      },
      [lines.times, ...columns.map((column) => column.values)],
      place,
    );
  }

  // A thin line for each event.
  function marks(plot, events, color) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = color;
    ctx.setLineDash([2, 4]);
    ctx.beginPath();
    for (const event of events) {
      const x = Math.round(plot.valToPos(event.time, "x", true));
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
    }
    ctx.stroke();
    ctx.restore();
  }

  function numbers(columns) {
    const rows = columns.map(({ label, values }) => {
      const known = values.filter((value) => value !== null);
      const all = known.length ? [known[0], Math.min(...known), Math.max(...known), known.at(-1)] : [null, null, null, null];
      return [label, ...all.map(megabytes)];
    });
    return table(["Line", "First", "Lowest", "Highest", "Last"], rows);
  }

  function happened(events) {
    const list = document.createElement("ul");
    for (const event of events.slice(0, 50)) {
      const item = document.createElement("li");
      const [after, before] = [event.after, event.before].map((value) => withUnit(event.setting, value));
      const change = `${SETTINGS[event.setting]} ${after} (was ${before})`;
      item.textContent = `${time(event.time)}, ${event.kind}: ${event.machine}: ${change}`;
      list.append(item);
    }
    return list;
  }

  function table(headings, rows) {
    const whole = document.createElement("table");
    const head = whole.createTHead().insertRow();
    for (const heading of headings) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = heading;
      head.append(cell);
    }
    const body = whole.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      row.forEach((text, column) => {
        const cell = line.insertCell();
        cell.className = column ? "n" : "";
        cell.textContent = text;
      });
    }
    return whole;
  }
})();
