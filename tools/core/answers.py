"""The answers of operations: their models, and the facts that each tells about itself."""

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from server.store.record.workspaces import MissingWorkspace, Workspace


class Meta(BaseModel):
    """About an answer: its workspace, and a notice."""

    workspace: str = Field(description="The workspace this answer is about.")
    workspace_exists: bool = Field(default=True, description="False if the workspace does not exist yet.")
    notice: str | None = Field(
        default=None, description="A fact to know about this answer, e.g. that it ranks by words only."
    )
    # Not shown: claude-mem's clients read it as the team of each memory.
    account_id: SkipJsonSchema[str] = Field(default="", exclude=True, description="The account of the workspace.")


class Answer(BaseModel):
    """The answer of an operation in a workspace."""

    meta: Meta = Field(description="About this answer.")


class Readable(BaseModel):
    """An answer with a text for the model that reads it. MCP sends it beside the fields, which are for programs."""

    def to_text(self) -> str:
        """Return the text."""
        raise NotImplementedError


class AnswerText(Readable):
    """An answer in words only, which MCP passes on as text, and not as JSON."""

    text: str = Field(description="The answer in words.")
    meta: Meta = Field(description="About this answer.")

    def to_text(self) -> str:
        """Return the answer in words."""
        return self.text


class AnswerImage(AnswerText):
    """A picture, which MCP passes on as an image beside the text."""

    filename: str = Field(description="The picture's name.")
    mimetype: str = Field(description="Its media type.")
    size: int = Field(description="Its size in bytes.")
    data: SkipJsonSchema[bytes] = Field(exclude=True, repr=False)


def build_meta(workspace: Workspace | MissingWorkspace, notice: str | None = None) -> Meta:
    """The `meta` of an answer about a workspace."""
    return Meta(
        workspace=workspace.name,
        workspace_exists=isinstance(workspace, Workspace),
        notice=notice,
        account_id=workspace.account_id,
    )
