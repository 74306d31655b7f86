"""Projects: found or made by their name, their folder or their repository."""

import pytest

from tests.helpers.doors import call_rest, check_refusal

pytestmark = pytest.mark.anyio


async def resolve(person, **how):
    """The id of the project, and whether it is new."""
    answer = await call_rest(person, "create_project", how)
    return answer.body["project"]["id"], answer.body["created"]


async def test_all_worktrees_of_a_repository_are_one_project(ann):
    assert await resolve(ann, repository="git@github.com:Acme/Shop.git", path="/home/ann/shop") == ("shop", True)
    for how in (
        {"repository": "https://token@github.com/acme/shop"},
        {"repository": "ssh://git@github.com/acme/shop.git", "path": "/srv/elsewhere/feature"},
        {"path": "/home/ann/shop/src/pay"},
        {"path": "/home/ann/shop/.claude/worktrees/fix-login/src"},
        {"path": "/srv/elsewhere/feature/docs"},
        {"name": "Shop"},
    ):
        assert await resolve(ann, **how) == ("shop", False), how
    (project,) = (await ann.http.get("/v1/projects")).json()["projects"]
    assert project["repository"] == "github.com/acme/shop"
    assert (project["rootPath"], project["paths"]) == ("/home/ann/shop", ["/home/ann/shop", "/srv/elsewhere/feature"])
    assert (await ann.http.get("/v1/projects/shop")).json() == {"project": project}


async def test_two_repositories_of_one_name_are_two_projects(ann):
    assert await resolve(ann, repository="https://github.com/acme/api") == ("api", True)
    assert await resolve(ann, repository="https://github.com/globex/api") == ("globex-api", True)
    assert await resolve(ann, repository="https://github.com/acme/api") == ("api", False)


async def test_a_repository_inside_another_ones_folder_is_a_project_of_its_own(ann):
    await resolve(ann, repository="https://github.com/acme/shop", path="/home/ann/shop")
    inside = {"repository": "https://github.com/acme/theme", "path": "/home/ann/shop/vendor/theme"}
    assert await resolve(ann, **inside) == ("theme", True)
    assert await resolve(ann, path="/home/ann/shop/vendor/theme/css") == ("theme", False)


async def test_a_home_folder_is_no_project_of_the_folders_in_it(ann):
    assert await resolve(ann, path="/home/ann") == ("ann", True)
    assert await resolve(ann, path="/home/ann/shop") == ("shop", True)
    assert await resolve(ann, path="C:\\Users\\ann\\garden") == ("garden", True)


async def test_their_words_for_a_project_are_taken(ann):
    sent = {"name": "shop", "slug": "shop", "rootPath": "/srv/shop", "metadata": {}}
    answer = await ann.http.post("/v1/projects", json=sent)
    assert answer.status_code == 201
    assert answer.json()["project"]["rootPath"] == "/srv/shop"
    assert (await ann.http.post("/v1/projects", json=sent)).status_code == 200


async def test_a_project_of_nothing_is_refused(ann):
    await check_refusal(ann, "create_project", {}, says="send a name, a path or a repository")
    assert (await ann.http.get("/v1/projects")).json() == {"projects": []}


async def test_a_bound_key_sees_its_own_project_and_makes_none(site, ann):
    here = await site.services.directory.ensure_workspace(ann.account_id, "here", 0)
    await resolve(ann, name="there")
    bound = await site.add_person("ann", workspace_id=here[0].id)
    assert [each["id"] for each in (await bound.http.get("/v1/projects")).json()["projects"]] == ["here"]
    assert (await call_rest(bound, "read_project", {"id": "there"})).status == 404
    assert (await call_rest(bound, "create_project", {"name": "here"})).status == 403
    assert (await call_rest(bound, "purge_project", {"id": "there"})).status == 404


async def test_the_folder_of_a_deleted_workspace_leads_to_a_new_one(ann):
    await resolve(ann, path="/srv/shop")
    (workspace,) = (await ann.http.get("/v1/workspaces")).json()["workspaces"]
    await ann.http.delete(f"/v1/workspaces/{workspace['id']}")
    assert await resolve(ann, path="/srv/shop") == ("shop", True)
