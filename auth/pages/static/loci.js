// A button beside each command that copies it. Without this script a command is text that can be selected.
const words = document.body.dataset;
for (const code of navigator.clipboard ? document.querySelectorAll("pre > code") : []) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = words.copy;
  button.setAttribute("aria-label", `${words.copy} ${code.textContent}`);
  const status = document.createElement("span");
  status.className = "copied";
  status.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      status.textContent = words.copied;
    } catch {
      getSelection().selectAllChildren(code);
      status.textContent = words.selected;
    }
  });
  const row = document.createElement("div");
  row.className = "command";
  const block = code.parentElement;
  block.replaceWith(row);
  row.append(block, button, status);
}
