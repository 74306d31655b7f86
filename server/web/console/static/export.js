// The page of imports: downloads everything and says how far it is. Without scripts the link does it, and says nothing.
// Both scripts of the page share their names, so none is used twice.
const everything = document.getElementById("everything");
const exportState = document.getElementById("export-state");
const exportWords = exportState.dataset;
const TELL_EVERY = 250;
const LINE_END = 10;

function tellExport(text, values = {}) {
  exportState.textContent = text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function countLines(bytes) {
  return bytes.reduce((count, each) => count + (each === LINE_END ? 1 : 0), 0);
}

// An export that breaks off is an error here, where a browser would keep half a file.
async function download() {
  const answer = await fetch(everything.href);
  if (!answer.ok) throw new Error();
  const parts = [];
  const done = { lines: 0, megabytes: "0.0" };
  let size = 0;
  let told = 0;
  for await (const part of readParts(answer.body.getReader())) {
    parts.push(part);
    size += part.length;
    done.lines += countLines(part);
    done.megabytes = (size / 1e6).toFixed(1);
    if (Date.now() - told > TELL_EVERY) {
      tellExport(exportWords.soFar, done);
      told = Date.now();
    }
  }
  save(new Blob(parts, { type: "application/x-ndjson" }));
  tellExport(exportWords.done, done);
}

async function* readParts(reader) {
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

function save(file) {
  const address = URL.createObjectURL(file);
  const saved = document.createElement("a");
  saved.href = address;
  saved.download = "loci.jsonl";
  saved.click();
  setTimeout(() => URL.revokeObjectURL(address), TELL_EVERY);
}

everything.addEventListener("click", async (event) => {
  event.preventDefault();
  if (everything.ariaDisabled === "true") return;
  everything.ariaDisabled = "true";
  tellExport(exportWords.soFar, { lines: 0, megabytes: "0.0" });
  try {
    await download();
  } catch {
    tellExport(exportWords.failed);
  } finally {
    everything.ariaDisabled = null;
  }
});
