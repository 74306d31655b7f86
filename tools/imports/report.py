"""The report of an import: what it brought, what was there, and what it refused, with the places."""

from pydantic import BaseModel, Field

#: The refusals that a report tells; all of them are counted.
TOLD = 100
#: The memories that the report of a dry run shows, and the characters of each.
SHOWN, CHARACTERS = 5, 200


class RefusedPlace(BaseModel):
    """Something that was not imported."""

    place: str = Field(description="The file, and the line or the record in it.")
    reason: str = Field(description="Why it was not imported, and what to do.")


class FoundThing(BaseModel):
    """Something that would be imported."""

    place: str = Field(description="The file, and the line or the record in it.")
    text: str = Field(description="The beginning of its text.")


class ImportReport(BaseModel):
    """The result of an import. `imported`, `skipped` and `refused` are together `total`."""

    run: str | None = Field(default=None, description="The id of the run, to undo it by; null if it changed nothing.")
    workspace: str = Field(description="The workspace.")
    source: str = Field(description="The file or folder.")
    dry_run: bool = Field(default=False, description="Whether nothing was written.")
    imported: int = Field(default=0, description="How many are new.")
    skipped: int = Field(default=0, description="How many an earlier import brought, even if they were deleted since.")
    refused: int = Field(default=0, description="How many cannot be imported.")
    total: int = Field(default=0, description="How many there were.")
    refusals: list[RefusedPlace] = Field(default=[], description=f"The first {TOLD} that were refused.")
    formats: dict[str, int] = Field(default={}, description="How many can be imported, by the format of the file.")
    examples: list[FoundThing] = Field(default=[], description=f"Of a dry run, the first {SHOWN}.")
    notices: list[str] = Field(default=[], description="Facts to know about the import.")

    def refuse(self, place: str, reason: str) -> None:
        """Count something that cannot be imported, and tell its place if there are not too many."""
        self.refused += 1
        self.total += 1
        if len(self.refusals) < TOLD:
            self.refusals.append(RefusedPlace(place=place, reason=f"{reason.removesuffix('.')}."))

    def note(self, format_name: str, place: str, text: str) -> None:
        """Count something that can be imported, by its format, and show the first ones of a dry run."""
        self.formats[format_name] = self.formats.get(format_name, 0) + 1
        if self.dry_run and text and len(self.examples) < SHOWN:
            self.examples.append(FoundThing(place=place, text=text[:CHARACTERS]))

    def notify(self, notice: str) -> None:
        """Add a notice, once."""
        if notice not in self.notices:
            self.notices.append(notice)
