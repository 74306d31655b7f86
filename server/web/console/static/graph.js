// The graph of the page's table, drawn on a canvas. Without this script the table says the same.
const table = document.querySelector(".edges");

function readGraph() {
  const nodes = new Map();
  const read = (link) => {
    const href = link.getAttribute("href");
    const kind = href.includes("?") ? "entity" : "memory";
    if (!nodes.has(href)) nodes.set(href, { href, kind, degree: 0, title: link.textContent });
    nodes.get(href).degree += 1;
    return nodes.get(href);
  };
  const edges = [];
  for (const row of table.tBodies[0].rows) {
    const [start, ...ends] = row.querySelectorAll("a");
    for (const end of ends) edges.push({ source: read(start), target: read(end) });
  }
  return { nodes: [...nodes.values()], edges };
}

function draw({ nodes, edges }) {
  const frame = document.getElementById("graph");
  const canvas = frame.querySelector("canvas");
  const picked = document.getElementById("picked");
  frame.hidden = false;
  document.getElementById("as-table").open = false;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  let view = d3.zoomIdentity.translate(width / 2, height / 2).scale(nodes.length > 500 ? 0.3 : 0.8);
  let chosen;
  const radius = (node) => (node.kind === "entity" ? 5 : 3.5) + Math.min(6, Math.sqrt(node.degree));

  const moving = d3.forceSimulation(nodes)
    .force("links", d3.forceLink(edges).distance(40))
    .force("apart", d3.forceManyBody().strength(-40).distanceMax(400))
    .force("x", d3.forceX().strength(0.05))
    .force("y", d3.forceY().strength(0.05))
    .alphaDecay(nodes.length > 500 ? 0.05 : 0.03)
    .on("tick", paint);
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) moving.stop().tick(100);

  function paint() {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.translate(view.x, view.y);
    context.scale(view.k, view.k);
    context.strokeStyle = color("--line");
    context.lineWidth = 1 / view.k;
    context.beginPath();
    for (const { source, target } of edges) {
      context.moveTo(source.x, source.y);
      context.lineTo(target.x, target.y);
    }
    context.stroke();
    for (const kind of ["memory", "entity"]) {
      context.fillStyle = kind === "entity" ? color("--accent") : color("--muted");
      context.beginPath();
      for (const node of nodes) {
        if (node.kind !== kind) continue;
        context.moveTo(node.x + radius(node), node.y);
        context.arc(node.x, node.y, radius(node), 0, 2 * Math.PI);
      }
      context.fill();
    }
    context.fillStyle = color("--ink");
    context.font = `${12 / view.k}px system-ui, sans-serif`;
    const named = nodes.filter((node) => node === chosen || (node.kind === "entity" && (view.k > 1 || node.degree > 4)));
    for (const node of named.slice(0, 150)) {
      context.fillText(node.title.slice(0, 40), node.x + radius(node) + 2 / view.k, node.y + 4 / view.k);
    }
  }

  function find(event) {
    const [x, y] = view.invert(d3.pointer(event, canvas));
    return moving.find(x, y, 16 / view.k);
  }

  function pick(node) {
    chosen = node;
    const link = document.createElement("a");
    link.href = node.href;
    link.textContent = node.title;
    picked.replaceChildren(link, ` · ${frame.dataset.links.replace("{count}", node.degree)}`);
    paint();
  }

  const zoom = d3.zoom().scaleExtent([0.1, 8]).on("zoom", (event) => { view = event.transform; paint(); });
  const drawing = d3.select(canvas)
    .call(zoom)
    .call(zoom.transform, view)
    .on("click", (event) => { const node = find(event); if (node) pick(node); });

  // With keys: those with the most links come first.
  const ranked = [...nodes].sort((one, other) => other.degree - one.degree);
  const choose = (step) => {
    const place = chosen ? ranked.indexOf(chosen) + step : 0;
    const node = ranked[(place + ranked.length) % ranked.length];
    drawing.call(zoom.translateTo, node.x, node.y);
    pick(node);
  };
  const STEP = 60;
  const keys = {
    ArrowLeft: () => drawing.call(zoom.translateBy, STEP / view.k, 0),
    ArrowRight: () => drawing.call(zoom.translateBy, -STEP / view.k, 0),
    ArrowUp: () => drawing.call(zoom.translateBy, 0, STEP / view.k),
    ArrowDown: () => drawing.call(zoom.translateBy, 0, -STEP / view.k),
    "+": () => drawing.call(zoom.scaleBy, 1.4),
    "-": () => drawing.call(zoom.scaleBy, 1 / 1.4),
    n: () => choose(1),
    p: () => choose(-1),
    Enter: () => { if (chosen) location.href = chosen.href; },
  };
  canvas.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  canvas.dataset.nodes = nodes.length;
  paint();
}

if (table) draw(readGraph());
