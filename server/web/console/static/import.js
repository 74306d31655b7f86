// The page of imports: sends the chosen file to see what would come, and then to import it.
const form = document.getElementById("import");
const report = document.getElementById("report");
const PAUSE = 1000;
// The page's words, in its language, with {name} for each value.
const words = report.dataset;

function say(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Names and texts come from files: each becomes the text of an element, and never HTML.
function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function list(title, lines) {
  const part = document.createDocumentFragment();
  if (!lines.length) return part;
  const items = make("ul");
  items.append(...lines.map((line) => make("li", "", line)));
  part.append(make("h2", "", title), items);
  return part;
}

function show(found) {
  const { imported: count, skipped, refused } = found;
  const formats = Object.entries(found.formats).map(([name, number]) => say(words.format, { name, count: number }));
  report.replaceChildren(
    make("p", "text", say(found.dry_run ? words.wouldCome : words.came, { count, skipped, refused })),
    make("p", "muted", [found.source, ...formats].join(" · ")),
    list(words.first, found.examples.map((each) => each.text)),
    list(words.refused, found.refusals.map((each) => `${each.place}: ${each.reason}`)),
    list(words.notices, found.notices),
  );
}

function tell(text) {
  report.replaceChildren(make("p", "", text));
}

async function send(file, dryRun) {
  const query = new URLSearchParams({ filename: file.name.slice(-200), dry_run: dryRun, workspace: form.dataset.workspace });
  const answer = await fetch(`/import/file?${query}`, {
    method: "POST",
    body: file,
    headers: { "x-csrf-token": form.dataset.csrf, "content-type": "application/octet-stream" },
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.message ?? words.failed);
  return found;
}

async function watch() {
  const query = new URLSearchParams({ workspace: form.dataset.workspace });
  const [newest] = (await (await fetch(`/import/state?${query}`)).json()).imports;
  if (newest?.state === "running") tell(say(words.soFar, { count: newest.imported }));
}

async function importFile(file, button) {
  button.disabled = true;
  const clock = setInterval(() => watch().catch(() => {}), PAUSE);
  try {
    const found = await send(file, false);
    show(found);
    const again = make("a", "", words.list);
    again.href = location.href;
    report.append(again);
  } catch (error) {
    tell(error.message);
  } finally {
    clearInterval(clock);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = form.elements.file.files;
  if (!file) return;
  tell(words.reading);
  try {
    const found = await send(file, true);
    show(found);
    if (found.imported) {
      const button = make("button", "", say(words.import, { count: found.imported }));
      button.type = "button";
      button.addEventListener("click", () => importFile(file, button));
      report.append(button);
    }
  } catch (error) {
    tell(error.message);
  }
});
