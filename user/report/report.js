// SPDX-License-Identifier: GPL-2.0-only
// Draws the charts of a report from the document in the page, with Chart.js.
(function () {
	"use strict";

	const report = JSON.parse(document.getElementById("report").textContent);
	const isSvm = report.host && report.host.isa === "SVM";
	const charts = [];

	function color(name) {
		return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
	}

	// What does not fit into an integer of JSON is a string of digits.
	function number(value) {
		return value === null ? null : Number(value);
	}

	function exitName(reason) {
		let text = "–";

		if (reason.number !== null)
			text = isSvm ? "0x" + reason.number.toString(16).padStart(2, "0") :
				       String(reason.number);
		return reason.name ? text + " " + reason.name : text;
	}

	function grouped(value) {
		return value.toLocaleString("en", { maximumFractionDigits: 0 });
	}

	function short(value) {
		return value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
	}

	function duration(ns) {
		const units = ["ns", "µs", "ms", "s"];
		let unit = 0;

		for (; ns >= 999.5 && unit < 3; unit++)
			ns /= 1000;
		return ns.toLocaleString("en", { maximumSignificantDigits: ns < 100 ? 2 : 3 }) +
		       " " + units[unit];
	}

	// Colours are functions, so that an update takes those of the screen, or of the paper.
	function leafColor() { return color("leaf"); }
	function bpfColor() { return color("bpf"); }
	function inkColor() { return color("ink"); }
	function softColor() { return color("soft"); }
	function lineColor() { return color("line"); }

	// Options of bars from left to right; what differs is the scale, its ticks and the plugins.
	function bars(scale, tick, plugins, axis) {
		return {
			indexAxis: "y",
			maintainAspectRatio: false,
			categoryPercentage: 0.72,
			barPercentage: 1,
			scales: {
				x: {
					...scale,
					grid: { color: lineColor, drawBorder: false },
					ticks: { color: softColor, maxRotation: 0, callback: tick },
					title: { display: Boolean(axis), text: axis, color: softColor },
				},
				y: {
					grid: { display: false, drawBorder: false },
					ticks: { color: inkColor, autoSkip: false, font: { size: 11 } },
				},
			},
			plugins: plugins,
		};
	}

	// Texts at the ends of bars, those that begin with another sign than "=" in the colour of what is wrong.
	const ends = {
		id: "ends",
		afterDatasetsDraw(chart) {
			const context = chart.ctx;

			context.save();
			context.textBaseline = "middle";
			chart.getDatasetMeta(0).data.forEach((bar, i) => {
				const text = chart.data.ends[i];

				context.fillStyle = color(text.startsWith("=") ? "soft" : "fail");
				context.fillText(text, bar.x + 6, bar.y);
			});
			context.restore();
		},
	};

	// "= leaf" where it is as eBPF's, else by how much it is more or less.
	function end(reason) {
		const difference = number(reason.difference);

		if (reason.leaf === null || difference === null)
			return "";
		return difference ? (difference > 0 ? "+" : "−") + grouped(Math.abs(difference)) : "= leaf";
	}

	// One value of each reason; more: what else a chart has.
	function byReason(id, reasons, key, axis, scale, tick, more) {
		const canvas = document.getElementById(id);

		if (!canvas)
			return;
		canvas.parentNode.style.height = reasons.length * 20 + 70 + "px";
		charts.push(new Chart(canvas, {
			type: "bar",
			data: {
				labels: reasons.map((reason) =>
					(reason.verdict === "FAIL" ? "✕ " : "") + exitName(reason)),
				datasets: [{ backgroundColor: bpfColor,
					     data: reasons.map((reason) => number(reason[key])) }],
				...more.data,
			},
			options: {
				...bars(scale, tick, {
					legend: { display: false },
					tooltip: { displayColors: false, callbacks: {
						label: (item) => grouped(item.parsed.x),
					} },
				}, axis),
				layout: { padding: { right: 56 } },
			},
			plugins: more.plugins || [],
		}));
	}

	function logarithmic(id, reasons, key, axis, more) {
		byReason(id, reasons, key, axis + ", logarithmic", { type: "logarithmic", min: 1 },
			 (value) => (Number.isInteger(Math.log10(value)) ? short(value) : null), more);
	}

	// Exits with what the leaf is off; and the bias, which is what leaf and eBPF differ by, if there is one.
	function differences(reasons) {
		logarithmic("counts", reasons, "bpf", "exits",
			    { data: { ends: reasons.map(end) }, plugins: [ends] });
		if (reasons.some((reason) => reason.bias !== null))
			byReason("cycles", reasons, "bias", "cycles", { beginAtZero: true }, short, {});
		else
			logarithmic("cycles", reasons, "bpf_cycles", "cycles", {});
	}

	function histogram(parent, reason, first, last) {
		const figure = document.createElement("figure");
		const caption = document.createElement("figcaption");
		const exits = document.createElement("span");
		const box = document.createElement("div");
		const canvas = document.createElement("canvas");
		const buckets = [];

		for (let b = first; b <= last; b++)
			buckets.push(b);
		figure.className = "chart";
		box.className = "canvas";
		caption.textContent = exitName(reason);
		exits.textContent = grouped(number(reason.timed));
		canvas.setAttribute("role", "img");
		canvas.setAttribute("aria-label", "Histogram of the times of " + exitName(reason) +
			"; the table below has its quantiles");
		caption.append(exits);
		box.append(canvas);
		figure.append(caption, box);
		parent.append(figure);
		charts.push(new Chart(canvas, {
			type: "bar",
			data: {
				labels: buckets,
				// A few exits among thousands are still to be seen, and not to be taken for one in a hundred.
				datasets: [{ backgroundColor: (item) => (item.raw < reason.timed / 100 ?
							softColor() : bpfColor()), minBarLength: 1,
					     data: buckets.map((b) => reason.log2_ns[b] || null) }],
			},
			options: {
				maintainAspectRatio: false,
				categoryPercentage: 1,
				barPercentage: 0.88,
				scales: {
					x: {
						grid: { display: false, drawBorder: false },
						ticks: {
							color: softColor, autoSkip: false, maxRotation: 0,
							font: { size: 10 },
							// Near 1 µs, 32 µs, 1 ms, 32 ms ...
							callback: (_, i) => (buckets[i] % 5 ? null :
									     duration(2 ** buckets[i])),
						},
					},
					y: { display: false, beginAtZero: true },
				},
				plugins: {
					legend: { display: false },
					tooltip: { displayColors: false, callbacks: {
						title: (items) => duration(2 ** items[0].label) + " to " +
							duration(2 ** (Number(items[0].label) + 1)),
						label: (item) => grouped(item.parsed.y) + " exits",
					} },
				},
			},
		}));
	}

	function histograms(reasons) {
		const parent = document.getElementById("histograms");
		const used = reasons.flatMap((reason) =>
			reason.log2_ns.flatMap((count, b) => (count ? [b] : [])));

		// One scale for all, so that they can be compared.
		reasons.forEach((reason) =>
			histogram(parent, reason, Math.min(...used), Math.max(...used)));
	}

	// Lines across the ends of bars, from the low to the high end of each interval.
	const intervals = {
		id: "intervals",
		afterDatasetsDraw(chart) {
			const context = chart.ctx;

			context.save();
			context.strokeStyle = color("ink");
			context.beginPath();
			chart.getDatasetMeta(0).data.forEach((bar, i) => {
				const estimate = chart.data.estimates[i];
				const ends = estimate ? [estimate.low, estimate.high] : [];

				ends.map((end) => chart.scales.x.getPixelForValue(end)).forEach((x, _, [low]) => {
					context.moveTo(x, bar.y - 4);
					context.lineTo(x, bar.y + 4);
					context.moveTo(low, bar.y);
					context.lineTo(x, bar.y);
				});
			});
			context.stroke();
			context.restore();
		},
	};

	function interval(estimate) {
		return grouped(estimate.median) + " [" + grouped(estimate.low) + ", " +
		       grouped(estimate.high) + "]";
	}

	// What a workload costs under each observer; the base has another colour.
	function costs(id, group) {
		const canvas = document.getElementById(id);

		canvas.parentNode.style.height = group.length * 30 + 40 + "px";
		charts.push(new Chart(canvas, {
			type: "bar",
			data: {
				labels: group.map((cost) => cost.observer),
				datasets: [{
					data: group.map((cost) => (cost.cycles ? cost.cycles.median : null)),
					backgroundColor: (item) =>
						(group[item.dataIndex].observer === report.base ? leafColor() :
												  bpfColor()),
				}],
				estimates: group.map((cost) => cost.cycles),
			},
			options: bars({
				beginAtZero: true,
				suggestedMax: Math.max(...group.map((cost) =>
					(cost.cycles ? cost.cycles.high : 0))),
			}, short, {
				legend: { display: false },
				tooltip: { displayColors: false, callbacks: {
					label: (item) => interval(group[item.dataIndex].cycles),
				} },
			}, "cycles"),
			plugins: [intervals],
		}));
	}

	// As the page has them: costs of the same workload, one after another.
	function benches(list) {
		const groups = [];

		list.forEach((cost, i) => {
			if (!i || cost.workload !== list[i - 1].workload)
				groups.push([]);
			groups[groups.length - 1].push(cost);
		});
		groups.forEach((group, i) => costs("costs-" + i, group));
	}

	// The largest changes, each in the colour of its direction.
	function changes(rows) {
		const canvas = document.getElementById("changes");
		const shown = rows.filter((row) => row.change_percent !== null &&
			(row.low_percent !== null || row.verdict === "too few"))
			.sort((a, b) => Math.abs(b.change_percent) - Math.abs(a.change_percent)).slice(0, 40);
		const least = Math.min(0, ...shown.map((row) => Math.min(row.change_percent,
			row.low_percent === null ? 0 : row.low_percent)));
		const most = Math.max(0, ...shown.map((row) => Math.max(row.change_percent,
			row.high_percent === null ? 0 : row.high_percent)));

		canvas.parentNode.style.height = shown.length * 24 + 60 + "px";
		charts.push(new Chart(canvas, {
			type: "bar",
			data: {
				labels: shown.map((row) => row.name + ", " + row.quantity +
					(row.verdict === "same" ? "" : " (" + row.verdict + ")")),
				datasets: [{
					data: shown.map((row) => row.change_percent),
					backgroundColor: (item) =>
						(shown[item.dataIndex].change_percent < 0 ? leafColor() : bpfColor()),
				}],
				estimates: shown.map((row) => (row.low_percent === null ? null :
					{ low: row.low_percent, high: row.high_percent })),
			},
			options: bars({ suggestedMin: least, suggestedMax: most },
				      (value) => value + " %", {
				legend: { display: false },
				tooltip: { displayColors: false, callbacks: {
					label: (item) => item.parsed.x.toFixed(1) + " % [" +
						(shown[item.dataIndex].low_percent || 0).toFixed(1) + ", " +
						(shown[item.dataIndex].high_percent || 0).toFixed(1) + "]",
				} },
			}, "change of B, per cent of A"),
			plugins: [intervals],
		}));
	}

	// What a cell is sorted by: a number with its unit, or else its text.
	function sortKey(cell) {
		const units = { "ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9 };
		const text = cell.textContent.trim();
		const found = text.replaceAll(",", "").replace("−", "-").match(/^(?:[<>]= )?([-+]?\d[\d.]*) ?(ns|µs|ms|s)?/);

		return found ? Number(found[1]) * (units[found[2]] || 1) : text;
	}

	// Numbers before words, such as the "-" of a row that has none.
	function precedes(a, b) {
		if (typeof a !== typeof b)
			return typeof a === "number" ? -1 : 1;
		return typeof a === "number" ? b - a : a.localeCompare(b);
	}

	// A head sorts the rows by its column, the largest first, and then the other way round; that of the first column
	// brings back the order that they had.
	function sortBy(table, head, column) {
		const body = table.tBodies[0];
		const backwards = head.getAttribute("aria-sort") === (column ? "descending" : "ascending");
		const order = column ?
			(a, b) => precedes(sortKey(a.cells[column]), sortKey(b.cells[column])) :
			(a, b) => a.dataset.place - b.dataset.place;
		const rows = Array.from(body.rows).sort(order);

		table.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
		head.setAttribute("aria-sort", Boolean(column) === backwards ? "ascending" : "descending");
		body.append(...(backwards ? rows.reverse() : rows));
	}

	// Finds the column that each head of one column is over: heads may be in two rows.
	function sortable(table) {
		const taken = Array.from(table.tHead.rows, () => []);

		Array.from(table.tBodies[0].rows).forEach((row, i) => { row.dataset.place = i; });
		Array.from(table.tHead.rows).forEach((row, r) => {
			let column = 0;

			Array.from(row.cells).forEach((head) => {
				const button = document.createElement("button");
				let at;

				while (taken[r][column])
					column++;
				for (let i = r; i < r + head.rowSpan; i++)
					for (let c = column; c < column + head.colSpan; c++)
						taken[i][c] = true;
				at = column;
				column += head.colSpan;
				if (head.colSpan > 1 || !head.textContent)
					return;
				button.type = "button";
				button.append(...head.childNodes);
				head.append(button);
				button.addEventListener("click", () => sortBy(table, head, at));
			});
		});
	}

	function redraw() {
		charts.forEach((chart) => {
			chart.resize();
			chart.update("none");
		});
	}

	Chart.defaults.animation = false;
	Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
	if (report.document === "bench") {
		benches(report.costs);
	} else if (report.document === "comparison") {
		changes(report.rows);
	} else {
		differences(report.reasons);
		histograms(report.latency || []);
	}

	document.querySelectorAll("table").forEach(sortable);
	window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
	window.matchMedia("print").addEventListener("change", redraw);
	window.addEventListener("beforeprint", () => {
		document.querySelectorAll("details").forEach((details) => { details.open = true; });
		redraw();
	});
	window.addEventListener("afterprint", redraw);
}());
