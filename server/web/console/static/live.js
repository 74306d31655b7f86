// The live page as a stream. Without this script the page asks again by itself.
const list = document.getElementById("activity");
const state = document.getElementById("state");
// The page's words, in its language.
const words = state.dataset;
const SHOWN = 200;

// Texts come from agents: each becomes the text of an element, and never HTML.
function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function describe(call) {
  const words = make("p", "", call.operation.replaceAll("_", " "));
  if (call.outcome !== "ok") {
    words.append(" · ", make("span", "refused", call.outcome.replaceAll("_", " ")));
  } else if (call.count !== null) {
    words.append(` · ${call.count}`);
  }
  return words;
}

function show(call) {
  const item = make("li", `${call.effect} new`);
  const time = make("time", "", call.at.slice(11, 19));
  time.dateTime = call.at;
  const about = make("div");
  about.append(describe(call));
  if (call.memory_id) {
    const link = make("a", "", call.title);
    link.href = `/memories/${encodeURIComponent(call.memory_id)}`;
    const line = make("p");
    line.append(link);
    about.append(line);
  }
  about.append(make("p", "muted", [call.app ?? call.door, call.person, call.workspace].filter(Boolean).join(" · ")));
  item.append(time, " ", make("span", "effect", words[call.outcome === "ok" ? call.effect : "refused"]), " ", about);
  list.prepend(item);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  document.getElementById("nothing")?.remove();
}

const stream = new EventSource(`/live/stream?after=${list.dataset.newest}`);
stream.addEventListener("open", () => { state.textContent = words.connected; });
stream.addEventListener("activity", (event) => show(JSON.parse(event.data)));
stream.addEventListener("progress", (event) => {
  const now = JSON.parse(event.data);
  const isByWords = now.embedding_state === "absent";
  const found = isByWords ? words.wordsAlone : words.byMeaning.replace("{percent}", now.embedded_percent);
  const jobs = words.jobs.replace("{waiting}", now.jobs_waiting).replace("{running}", now.jobs_running);
  document.getElementById("progress").textContent = `${found} · ${jobs}`;
});
stream.addEventListener("end", () => {
  stream.close();
  state.textContent = words.ended;
});
stream.addEventListener("error", () => {
  const isOver = stream.readyState === EventSource.CLOSED;
  state.textContent = isOver ? words.closed : words.retrying;
});
