"""Example arguments for every operation: the one table of the tests that grows with the catalogue."""

from typing import Any

from tests.helpers.doors import call_rest

#: An id that nothing has.
NOBODY = "01980000-0000-7000-8000-000000000000"
#: The operations that a server without a language model refuses with 503.
NEED_LANGUAGE_MODEL = {"distill", "extract_memories"}
#: The operations that a server refuses with 403 if LOCI_SIGNUP is not `invite`.
NEED_INVITATIONS = {"invite_user"}
#: Accepted arguments for each operation that needs some.
VALID: dict[str, dict[str, Any]] = {
    "search": {"query": "tea"},
    "recall_by_words": {"query": "tea"},
    "recall_memories": {"query": "tea"},
    "explain_recall": {"message": "tea", "memory_id": NOBODY},
    "store_memory": {"content": "Tea"},
    "ingest_memories": {"memories": [{"content": "Tea"}]},
    "distill": {"transcript": "Ann likes tea."},
    "extract_memories": {"transcript": "Ann likes tea. " * 10},
    "fetch": {"id": NOBODY},
    "update_memory": {"id": NOBODY, "content": "Coffee"},
    "delete_memory": {"id": NOBODY},
    "restore_memory": {"id": NOBODY},
    "bury_memory": {"id": NOBODY},
    "unbury_memory": {"id": NOBODY},
    "pin_memory": {"id": NOBODY},
    "unpin_memory": {"id": NOBODY},
    "memory_history": {"id": NOBODY},
    "undo_change": {"id": NOBODY, "change": "1"},
    "change_memories": {"action": "delete", "ids": [NOBODY]},
    "fetch_memories": {"ids": [NOBODY]},
    "link_memories": {"id": NOBODY, "linkages": [{"type": "file", "path": "a.md"}]},
    "memory_graph": {"id": NOBODY},
    "related_memories": {"id": NOBODY},
    "consolidate_group": {"source_ids": [NOBODY, NOBODY[:-1] + "1"]},
    "undo_consolidation": {"run": NOBODY},
    "read_import": {"id": NOBODY},
    "undo_import": {"id": NOBODY},
    "set_setting": {"key": "recall_alpha", "value": 0.7},
    "reset_setting": {"key": "recall_alpha"},
    "set_preferences": {"time_zone": "Europe/Berlin"},
    "add_golden": {"query": "tea?", "text": "Tea"},
    "delete_golden": {"id": NOBODY},
    "read_section": {"section": "active_work"},
    "update_working_memory": {"section": "active_work", "content": "Tea"},
    "add_item": {"category": "active_work", "title": "Tea"},
    "read_item": {"id": NOBODY},
    "update_item": {"id": NOBODY, "title": "Coffee"},
    "delete_item": {"id": NOBODY},
    "add_skip": {"item": "tea", "reason": "cold", "expires": "2099-01-01"},
    "check_skip": {"query": "tea"},
    "remove_skip": {"id": NOBODY},
    "update_identity": {"crystal": "I am"},
    "delete_workspace": {"id": NOBODY},
    "list_shares": {"id": NOBODY},
    "share_workspace": {"id": NOBODY, "receiver": "ben"},
    "unshare_workspace": {"id": NOBODY, "share_id": NOBODY},
    "create_account": {"name": "team"},
    "list_members": {"id": NOBODY},
    "set_member_role": {"id": NOBODY, "user_id": NOBODY, "role": "reader"},
    "remove_member": {"id": NOBODY, "user_id": NOBODY},
    "create_invitation": {"id": NOBODY},
    "list_invitations": {"id": NOBODY},
    "revoke_invitation": {"id": NOBODY, "invitation_id": NOBODY},
    "accept_invitation": {"link": "nothing"},
    "disable_user": {"id": NOBODY},
    "enable_user": {"id": NOBODY},
    "create_reset_link": {"id": NOBODY},
    "remove_user": {"id": NOBODY},
    "propose_memory": {"id": NOBODY, "to": "attic"},
    "decide_proposal": {"id": NOBODY, "decision": "reject"},
    "create_project": {"name": "shop"},
    "read_project": {"id": NOBODY},
    "purge_project": {"id": NOBODY},
    "end_session": {"id": NOBODY},
    "read_session": {"id": NOBODY},
    "record_event": {"type": "user_prompt"},
    "on_event": {"event": "UserPromptSubmit", "session_id": "s", "prompt": "From now on we ship on Mondays."},
    "record_events": {"events": [{"type": "user_prompt"}]},
    "read_event": {"id": NOBODY},
    "list_event_observations": {"id": NOBODY},
    "read_job": {"id": NOBODY},
    "retry_job": {"id": NOBODY},
    "cancel_job": {"id": NOBODY},
    "revoke_key": {"id": NOBODY},
    "set_plan": {"plan": None},
    "add_entity": {"name": "teapot"},
    "read_entity": {"id": NOBODY},
    "update_entity": {"id": NOBODY, "type": "thing"},
    "delete_entity": {"id": NOBODY},
    "merge_entities": {"id": NOBODY, "others": ["teapot"]},
    "split_entity": {"id": NOBODY, "names": ["teapot"]},
    "undo_entity_change": {"id": NOBODY},
    "read_receipt": {"id": NOBODY},
    "lift_tombstones": {"id": NOBODY},
}


async def arrange_calls(person):
    """Store what the calls need; return the name of each operation with the arguments of calls that succeed."""
    metadata = {"a": None, "b": [1.5, None]}
    full = {"tags": ["t"], "project": "p", "task": "k", "metadata": metadata, "expires": "2099-01-01"}
    memory_id = await person.store("Tea in the morning", **full)
    green_id = await person.store("Green tea", linkages=[{"type": "memory", "id": memory_id, "label": "refines"}])
    made = (await person.http.post("/v1/keys", json={"workspace": "default", "expires_in_days": 3})).json()
    await call_rest(person, "create_project", VALID["create_project"])
    attic = (await person.http.post("/v1/workspaces", json={"name": "attic"})).json()
    team = (await call_rest(person, "create_account", {"name": f"{person.name}-team"})).body["id"]
    home = (await person.http.post("/v1/workspaces", json={"name": "default"})).json()["id"]
    invitation = (await call_rest(person, "create_invitation", {"id": team})).body["id"]
    received = {"id": home, "receiver": f"{person.name}-team"}
    shared = (await call_rest(person, "share_workspace", received)).body
    await person.http.post("/v1/workspaces", json={"name": "cellar"})
    promoted = {"id": memory_id, "to": "cellar"}
    await call_rest(person, "propose_memory", promoted)
    proposal = (await call_rest(person, "list_proposals", {"workspace": "cellar"})).body["proposals"][0]["id"]
    several = [await person.store(f"milk {n}", tags=["milk"]) for n in range(4)]
    group = (await person.http.post("/v1/consolidate/group", json={"source_ids": several[:2]})).json()
    brought = (await person.http.post("/v1/import?filename=a.json", json={"content": "A pot"})).json()
    pinned = (await person.http.post("/v1/golden", json={"query": "tea?", "text": "green"})).json()
    item = (await call_rest(person, "add_item", VALID["add_item"] | {"next_action": "drink", "tags": ["t"]})).body
    skip = (await call_rest(person, "add_skip", VALID["add_skip"])).body
    await call_rest(person, "update_identity", VALID["update_identity"])
    session = (await call_rest(person, "start_session", {"external_id": "s"})).body["session"]["id"]
    pots = {}
    for name, aliases in (("teapot", []), ("kettle", ["boiler"]), ("cup", []), ("mug", []), ("spoon", [])):
        made_entity = (await call_rest(person, "add_entity", {"name": name, "aliases": aliases})).body
        pots[name] = made_entity["entity"]["id"]
    merged = (await call_rest(person, "merge_entities", {"id": pots["cup"], "others": ["mug"]})).body
    await call_rest(person, "update_memory", {"id": memory_id, "type": "fact"})
    change = (await call_rest(person, "memory_history", {"id": memory_id})).body["changes"][0]["id"]
    # A job that waits for the end of a turn which does not come: the loop leaves it alone.
    open_turn = (await call_rest(person, "start_session", {"external_id": "open"})).body["session"]["id"]
    step = VALID["record_event"] | {"type": "tool_use", "session_id": open_turn}
    reported = (await call_rest(person, "record_event", step)).body
    event, job = reported["event"]["id"], reported["generationJob"]["id"]
    spent = await person.store("to be erased")
    erased = (await person.http.delete(f"/v1/memories/{spent}", params={"erase": "true"})).json()
    return {
        "retrieve_context": [
            {"message": "tea", "include_graph": True},
            {"message": "tea", "explain": True, "peek_workspaces": ["attic"]},
            {"query": "tea"},
            {},
            {"include": []},
            {"workspace": "nowhere"},
        ],
        "search": [
            {"query": "tea"},
            {"query": "nothing like it"},
            {"query": '"green tea" -milk OR tag:milk', "explain": True},
            {"projectId": "default", "query": "tea"},
        ],
        "explain_recall": [
            {"message": "tea", "memory_id": memory_id},
            {"message": "nothing like it", "memory_id": memory_id},
        ],
        "recent": [{}, {"workspace": "nowhere"}],
        "recall_by_words": [{"query": "tea"}, {"query": "tea", "format": "json"}],
        "recall_memories": [{"query": "tea"}, {"query": "nothing like it"}],
        "store_memory": [{"content": "x"}, {"content": "x", **full}, {"projectId": "default", "narrative": "x"}],
        "ingest_memories": [{"memories": [{"content": "x"}]}],
        "list_memories": [{}, {"status": "all", "limit": 1}],
        "fetch": [{"id": memory_id}],
        "update_memory": [{"id": memory_id, "project": "q"}],
        "link_memories": [{"id": memory_id, "linkages": [{"type": "file", "path": "a.md", "label": "x"}]}],
        "fetch_memories": [{"ids": [memory_id, NOBODY]}],
        "memory_history": [{"id": memory_id}, {"id": green_id, "limit": 1}],
        "undo_change": [{"id": memory_id, "change": change}],
        "change_memories": [
            {"action": "tag", "tags": ["milk"], "words": ["dairy"], "dry_run": True},
            {"action": "move", "ids": [green_id, NOBODY], "to_project": "shop", "expected": 1},
        ],
        "pin_memory": [{"id": green_id}],
        "unpin_memory": [{"id": green_id}],
        "bury_memory": [{"id": several[3]}],
        "unbury_memory": [{"id": several[3]}],
        "memory_graph": [{"id": memory_id}],
        "related_memories": [{"id": memory_id}],
        "undo_consolidation": [{"run": group["run"]}],
        "consolidate_group": [{"source_ids": several[2:], "content": "Milk"}],
        "consolidate": [{"dry_run": True}, {}, {"workspace": "nowhere"}],
        "list_consolidations": [{}, {"workspace": "nowhere"}],
        "list_imports": [{}, {"workspace": "nowhere"}],
        "read_import": [{"id": brought["run"]}],
        "undo_import": [{"id": brought["run"]}],
        "delete_memory": [{"id": memory_id}],
        "restore_memory": [{"id": memory_id}],
        "list_entities": [{}, {"query": "teapot", "limit": 1}, {"workspace": "nowhere"}],
        "add_entity": [{"name": "teapot", "type": "thing", "aliases": ["pot"]}],
        "read_entity": [{"id": pots["teapot"]}, {"id": "Kettle", "limit": 1}],
        "update_entity": [{"id": pots["teapot"], "name": "Teapot", "type": "thing", "add_aliases": ["brown betty"]}],
        "split_entity": [{"id": pots["kettle"], "names": ["boiler"]}],
        "undo_entity_change": [{"id": merged["change"]}],
        "merge_entities": [{"id": pots["teapot"], "others": [pots["cup"]]}],
        "delete_entity": [{"id": "spoon"}],
        "count_by_project": [{}, {"project": "p"}, {"workspace": "nowhere"}],
        "working_notes": [{}, {"workspace": "nowhere"}, {"add": "Stopped at the tea"}, {"section": "session_notes"}],
        "read_working_memory": [{}, {"workspace": "nowhere"}],
        "read_section": [{"section": "Active Work"}],
        "update_working_memory": [{"section": "new", "content": "x"}],
        "add_item": [{"category": "waiting_for", "title": "x"}],
        "list_items": [{}, {"query": "x", "limit": 1}],
        "read_item": [{"id": item["id"]}],
        "update_item": [{"id": item["id"], "status": "paused"}],
        "delete_item": [{"id": item["id"]}],
        "add_skip": [{"item": "x", "reason": "y", "expires": "one day"}],
        "list_skips": [{}],
        "check_skip": [{"query": "tea"}, {"query": "nothing like it"}],
        "remove_skip": [{"id": skip["id"]}],
        "read_identity": [{}],
        "update_identity": [{"crystal": "I am", "source_count": 2}],
        "crystallize_identity": [{}],
        "identity_history": [{}, {"workspace": "nowhere"}],
        "create_workspace": [{"name": "new"}, {"name": "attic"}],
        "list_workspaces": [{}],
        "delete_workspace": [{"id": attic["id"]}],
        "list_shares": [{"id": home}],
        "share_workspace": [received | {"may_write": True}],
        "unshare_workspace": [{"id": home, "share_id": shared["id"]}],
        "list_accounts": [{}],
        "create_account": [{"name": f"{person.name}-crew"}],
        "list_members": [{"id": team}],
        "set_member_role": [{"id": team, "user_id": person.user_id, "role": "owner"}],
        "remove_member": [],  # the last owner stays
        "create_invitation": [{"id": team, "role": "reader", "name": "ben"}, {"id": team}],
        "list_invitations": [{"id": team}],
        "revoke_invitation": [{"id": team, "invitation_id": invitation}],
        "accept_invitation": [],  # takes another person
        "list_users": [{}],
        "create_reset_link": [{"id": person.user_id}],
        "invite_user": [],  # LOCI_SIGNUP is closed
        "propose_memory": [promoted],
        "list_proposals": [{"workspace": "cellar"}, {"workspace": "nowhere"}],
        "decide_proposal": [{"workspace": "cellar", "id": proposal, "decision": "keep_both"}],
        **{name: [] for name in ("disable_user", "enable_user", "remove_user")},  # nobody shuts out themselves
        "create_project": [{"path": "/home/ann/garden"}, {"repository": "git@example.com:ann/garden.git"}],
        "list_projects": [{}],
        "read_project": [{"id": "garden"}],
        "purge_project": [{"id": "shop"}],
        "start_session": [{}, {"external_id": "s", "metadata": metadata}],
        "end_session": [{"id": session}],
        "read_session": [{"id": session}],
        "record_event": [{"type": "x"}, {"type": "user_prompt", "payload": metadata, "session_id": session}],
        "record_events": [{"events": [{"type": "x", "payload": [1]}, {"type": "y", "payload": "z"}]}],
        "on_event": [
            {},
            {"hook_event_name": "UserPromptSubmit", "session_id": "h", "prompt": "Which tea?", "transcript_path": "/x"},
            {"event": "PostToolUse", "tool_name": "Bash", "tool_input": "{}", "tool_response": {"stdout": ""}},
        ],
        "read_event": [{"id": event}],
        "list_event_observations": [{"id": event}],
        "list_jobs": [{}, {"status": "failed"}],
        "read_job": [{"id": job}],
        "cancel_job": [{"id": job}],
        "retry_job": [{"id": job}],
        "requeue_jobs": [{}, {"status": "cancelled"}],
        "get_settings": [{}, {"workspace": "nowhere"}],
        "set_setting": [{"key": "recall_alpha", "value": 0.7}, {"key": "stop_words", "value": "a, b"}],
        "reset_setting": [{"key": "recall_alpha"}, {"key": "language", "workspace": "nowhere"}],
        "get_preferences": [{}],
        "set_preferences": [{"time_zone": "Europe/Berlin"}, {"time_zone": "UTC"}],
        "create_key": [
            {},
            {"label": "laptop", "expiresInDays": 3},
            {"workspace": "default", "expires_at": "2027-01-01"},
        ],
        "list_audit": [{}],
        "verify_audit": [{}],
        "workspace_graph": [{}, {"project": "p", "limit": 4}, {"workspace": "nowhere"}],
        "read_timeline": [{}, {"unit": "month", "axis": "stored", "project": "p"}, {"workspace": "nowhere"}],
        "list_activity": [{}, {"after": 1, "limit": 2}],
        "list_keys": [{}],
        "read_connect_command": [{}],
        "revoke_key": [{"id": made["id"]}],
        "health": [{}, {"workspace": "nowhere"}],
        "list_findings": [{}],
        "add_golden": [
            {"query": "tea?", "text": "tea"},
            {"query": "x", "memory_id": green_id, "expect": "not_recalled"},
        ],
        "run_golden": [{}, {"workspace": "nowhere"}],
        "list_golden": [{}, {"workspace": "nowhere"}],
        "delete_golden": [{"id": pinned["id"]}],
        "backfill_embeddings": [{}],
        "distill": [],  # a server without a language model refuses
        "extract_memories": [],  # the same
        "rotate_key": [],  # by hand, below: the client asks for the list after a tool that is not in it, with its key
        "set_plan": [{"plan": None}],
        "read_usage": [{}, {"months": 3}],
        "list_usage": [{}, {"month": "2026-10"}],
        "purge_memories": [{"dry_run": True}, {"project": "vega"}, {"workspace": "nowhere"}],
        "list_receipts": [{}, {"limit": 1}],
        "read_receipt": [{"id": erased["receipt"]}],
        "list_tombstones": [{}, {"receipt": erased["receipt"]}, {"workspace": "nowhere"}],
        "lift_tombstones": [],  # a person does that: an app is refused
    }
