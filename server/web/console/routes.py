"""The pages of the console: one row each."""

from starlette.routing import Route

from auth.accounts.team_invitations import PATH as INVITATION_PATH
from auth.pages.page import with_refusal_page
from server.web.console import (
    assets,
    connection_page,
    graph_page,
    import_page,
    live_page,
    nights_page,
    notes_page,
    recall_page,
)
from server.web.console.govern import audit_page, erasure_page, health_page, jobs_page, usage_page
from server.web.console.memories import (
    change_page,
    entities_page,
    entity_page,
    memories_page,
    memory_page,
    promotions_page,
    timeline_page,
)
from server.web.console.people import invitation_page, keys_page, people_page, users_page, workspaces_page
from server.web.live import LiveEndpoint

_FORMS = ["GET", "POST"]


def make_routes(watch: LiveEndpoint) -> list[Route]:
    """Return the routes of the pages, and of their files. `watch` sends the stream of the live page."""
    return [
        *(Route(path, assets.serve_asset) for path in assets.PATHS),
        Route(live_page.PATH, with_refusal_page(live_page.serve_live_page), methods=["GET"]),
        Route(live_page.STREAM_PATH, live_page.LivePageStream(watch)),
        Route(memories_page.PATH, with_refusal_page(memories_page.serve_memories_page), methods=_FORMS),
        Route(change_page.PATH, with_refusal_page(change_page.serve_change_page), methods=_FORMS),
        Route(memory_page.PATH, with_refusal_page(memory_page.serve_memory_page), methods=_FORMS),
        Route(notes_page.PATH, with_refusal_page(notes_page.serve_notes_page), methods=_FORMS),
        Route(keys_page.PATH, with_refusal_page(keys_page.serve_keys_page), methods=_FORMS),
        Route(nights_page.PATH, with_refusal_page(nights_page.serve_nights_page), methods=_FORMS),
        Route(import_page.PATH, with_refusal_page(import_page.serve_import_page), methods=_FORMS),
        Route(import_page.FILE_PATH, import_page.receive_import, methods=["POST"]),
        Route(import_page.STATE_PATH, import_page.serve_state, methods=["GET"]),
        Route(import_page.EXPORT_PATH, with_refusal_page(import_page.serve_export), methods=["GET"]),
        Route(connection_page.PATH, with_refusal_page(connection_page.serve_connection_page), methods=_FORMS),
        Route(timeline_page.PATH, with_refusal_page(timeline_page.serve_timeline_page), methods=["GET"]),
        Route(graph_page.PATH, with_refusal_page(graph_page.serve_graph_page), methods=["GET"]),
        Route(recall_page.PATH, with_refusal_page(recall_page.serve_recall_page), methods=_FORMS),
        Route(INVITATION_PATH, with_refusal_page(invitation_page.serve_invitation_page), methods=_FORMS),
        Route(people_page.PATH, with_refusal_page(people_page.serve_people_page), methods=_FORMS),
        Route(users_page.PATH, with_refusal_page(users_page.serve_users_page), methods=_FORMS),
        Route(promotions_page.PATH, with_refusal_page(promotions_page.serve_promotions_page), methods=_FORMS),
        Route(usage_page.PATH, with_refusal_page(usage_page.serve_usage_page), methods=["GET"]),
        Route(audit_page.PATH, with_refusal_page(audit_page.serve_audit_page), methods=["GET"]),
        Route(audit_page.CSV_PATH, with_refusal_page(audit_page.serve_audit_file), methods=["GET"]),
        Route(erasure_page.PATH, with_refusal_page(erasure_page.serve_erasure_page), methods=_FORMS),
        Route(jobs_page.PATH, with_refusal_page(jobs_page.serve_jobs_page), methods=_FORMS),
        Route(health_page.PATH, with_refusal_page(health_page.serve_health_page), methods=["GET"]),
        Route(entities_page.PATH, with_refusal_page(entities_page.serve_entities_page), methods=_FORMS),
        Route(entity_page.PATH, with_refusal_page(entity_page.serve_entity_page), methods=_FORMS),
        Route(workspaces_page.PATH, with_refusal_page(workspaces_page.serve_workspaces_page), methods=_FORMS),
    ]
