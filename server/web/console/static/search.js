// Search as you type: the list is asked for again while a person types. Without this script the button does it.
const form = document.querySelector("form.search");
const PAUSE = 60;
let timer = 0;
let running = new AbortController();

async function refresh() {
  running.abort();
  running = new AbortController();
  const address = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
  try {
    const answer = await fetch(address, { signal: running.signal, headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    // The server has escaped all texts, and a document that is parsed here runs no script.
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("found");
    if (found) document.getElementById("found").replaceWith(found);
    history.replaceState(null, "", address);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE);
});
