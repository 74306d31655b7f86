"""The table of the formats: a record belongs to the first one that recognises it, by what is in it."""

from server.memory.imports import chatgpt, claude_ai, memory_programs, other_programs, pam
from server.memory.imports.item import Format, Record
from server.memory.imports.loci_lines import convert_line, is_loci_line
from server.memory.imports.memory_server import convert_graph_line, is_graph_line

FORMATS = (
    Format("pam", pam.is_document, pam.convert_document),
    Format("pam", pam.is_memory, pam.convert_memory),
    Format("pam", pam.is_relation, None),
    Format("chatgpt", chatgpt.is_conversation, chatgpt.convert_conversation),
    Format("claude.ai", claude_ai.is_conversation, claude_ai.convert_conversation),
    Format("claude.ai", claude_ai.are_memories, claude_ai.convert_memories),
    Format("claude.ai", claude_ai.is_project, claude_ai.convert_project),
    Format("claude.ai", claude_ai.is_about_account, None),
    Format("memory-server", is_graph_line, convert_graph_line),
    Format("claude-mem", memory_programs.is_claude_mem, memory_programs.convert_claude_mem),
    Format("claude-mem", memory_programs.is_claude_mem_session, None),
    Format("mcp-memory-service", memory_programs.is_service_memory, memory_programs.convert_service_memory),
    Format("loci", is_loci_line, convert_line),
    Format("hindsight", other_programs.is_hindsight, other_programs.convert_hindsight),
    Format("hindsight", other_programs.is_hindsight_manifest, None),
    Format("letta", other_programs.is_agent_file, other_programs.convert_agent_file),
    Format("gemini", other_programs.is_gemini, other_programs.convert_gemini),
    Format("memento", other_programs.is_memento, other_programs.convert_memento),
    Format("mem0", memory_programs.is_mem0, memory_programs.convert_mem0),
)


def find_format(record: Record) -> Format | None:
    """Return the format of a record, or None if none recognises it."""
    return next((each for each in FORMATS if each.recognises(record)), None)
