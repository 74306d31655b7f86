// Loci for OpenCode: it reports what happens in a session to the server, and adds to each prompt the memories that fit it.
// It lies in ~/.config/opencode/plugins/. The server's URL and the key are the first lines of ~/.config/loci/url and
// ~/.config/loci/key. It never stops OpenCode: no request takes longer than three seconds (LOCI_HOOK_SECONDS), and errors
// are silent.

import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"

const SECONDS = Number(process.env.LOCI_HOOK_SECONDS) || 3
const WORKING_TOOLS = new Set(["bash", "edit", "write", "patch", "apply_patch", "multiedit"])

async function readSetting(name) {
  const folder = process.env.XDG_CONFIG_HOME || join(homedir(), ".config")
  return (await readFile(join(folder, "loci", name), "utf8").catch(() => "")).split("\n")[0].trim()
}

function joinTexts(parts) {
  return parts.filter((part) => part.type === "text" && !part.synthetic).map((part) => part.text).join("\n")
}

export const Loci = async ({ client, directory }) => {
  const url = (await readSetting("url") || "http://127.0.0.1:8080").replace(/\/mcp$/, "")
  const key = await readSetting("key")

  // Returns the text that the agent is told; "" if there is none.
  async function report(event, sessionId, fields) {
    if (!key) return ""
    try {
      const answer = await fetch(`${url}/v1/hooks`, {
        method: "POST",
        redirect: "error",
        headers: { "Authorization": `Bearer ${key}`, "Content-Type": "application/json" },
        body: JSON.stringify({ event, platform: "opencode", session_id: sessionId, cwd: directory, ...fields }),
        signal: AbortSignal.timeout(SECONDS * 1000),
      })
      const told = answer.ok ? (await answer.json()).hookSpecificOutput?.additionalContext : ""
      return typeof told === "string" ? told : ""
    } catch {
      return ""
    }
  }

  async function findReply(sessionId) {
    try {
      const { data } = await client.session.messages({ path: { id: sessionId } })
      return joinTexts(data.findLast((message) => message.info.role === "assistant").parts)
    } catch {
      return ""
    }
  }

  return {
    "chat.message": async (input, output) => {
      const text = await report("UserPromptSubmit", input.sessionID, { prompt: joinTexts(output.parts) })
      if (!text) return
      const place = { sessionID: input.sessionID, messageID: output.message.id }
      output.parts.unshift({ id: `prt_loci${Date.now()}`, ...place, type: "text", text, synthetic: true })
    },
    "tool.execute.after": async (input, output) => {
      if (!WORKING_TOOLS.has(input.tool)) return
      const result = { output: output.output, exit_code: output.metadata?.exit }
      await report("PostToolUse", input.sessionID, {
        tool_name: input.tool,
        tool_input: input.args ?? {},
        tool_response: result,
      })
    },
    "event": async ({ event }) => {
      const sessionId = event.properties?.sessionID
      if (event.type === "session.idle") {
        await report("Stop", sessionId, { last_assistant_message: await findReply(sessionId) })
      }
    },
  }
}
