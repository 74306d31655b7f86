"""The arguments and the answers of the tools that change the graph."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tools.compat.knowledge_graph.graph import AnyName, NewNode, Node, Relation, write_json
from tools.core.answers import Answer, Readable
from tools.core.arguments import InWorkspace
from tools.core.fields import Content, NewName

MOST = 100
"""The most entities, observations or relations of one call."""
_FORM = ConfigDict(extra="forbid")


class CreateEntities(InWorkspace):
    """The arguments of `create_entities`."""

    entities: Annotated[list[NewNode], Field(max_length=MOST)] = Field(description="The entities to make.")


class CreatedEntities(Answer, Readable):
    """The entities that were made."""

    entities: list[Node] = Field(description="Those that are new; one that is there already stays as it is.")

    def to_text(self) -> str:
        """Return them as a JSON array."""
        return write_json(self.model_dump(mode="json")["entities"])


class CreateRelations(InWorkspace):
    """The arguments of `create_relations`."""

    relations: Annotated[list[Relation], Field(max_length=MOST)] = Field(
        description="The relations to make, between entities that are there."
    )


class CreatedRelations(Answer, Readable):
    """The relations that were made."""

    relations: list[Relation] = Field(description="Those that are new.")

    def to_text(self) -> str:
        """Return them as a JSON array."""
        return write_json(self.model_dump(mode="json")["relations"])


class NewObservations(BaseModel):
    """More observations about one entity."""

    model_config = _FORM

    entityName: NewName = Field(description="The name of the entity.")  # noqa: N815 - its name there
    contents: Annotated[list[Content], Field(max_length=MOST)] = Field(description="The observations, one fact each.")


class AddObservations(InWorkspace):
    """The arguments of `add_observations`."""

    observations: Annotated[list[NewObservations], Field(max_length=MOST)] = Field(
        description="The observations to add, by entity."
    )


class AddedToEntity(BaseModel):
    """The observations that are new about one entity."""

    entityName: str = Field(description="The name of the entity.")  # noqa: N815 - its name there
    addedObservations: list[str] = Field(description="Those that are new.")  # noqa: N815 - its name there


class AddedObservations(Answer, Readable):
    """The observations that were added."""

    results: list[AddedToEntity] = Field(description="The new observations, by entity.")

    def to_text(self) -> str:
        """Return them as a JSON array."""
        return write_json(self.model_dump(mode="json")["results"])


class DeleteEntities(InWorkspace):
    """The arguments of `delete_entities`."""

    entityNames: Annotated[list[AnyName], Field(max_length=MOST)] = Field(  # noqa: N815 - its name there
        description="The names of the entities to delete, with their observations and relations."
    )


class OldObservations(BaseModel):
    """Observations about one entity that are deleted."""

    model_config = _FORM

    entityName: AnyName = Field(description="The name of the entity.")  # noqa: N815 - its name there
    observations: Annotated[list[Content], Field(max_length=MOST)] = Field(description="The observations to delete.")


class DeleteObservations(InWorkspace):
    """The arguments of `delete_observations`."""

    deletions: Annotated[list[OldObservations], Field(max_length=MOST)] = Field(
        description="The observations to delete, by entity."
    )


class DeleteRelations(InWorkspace):
    """The arguments of `delete_relations`."""

    relations: Annotated[list[Relation], Field(max_length=MOST)] = Field(description="The relations to delete.")


class Done(Answer, Readable):
    """The deletion, in words."""

    success: bool = Field(default=True, description="It is done.")
    message: str = Field(description="The deletion in words, with the names that were not there.")

    def to_text(self) -> str:
        """Return the message."""
        return self.message
