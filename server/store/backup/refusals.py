"""The reasons for which a backup cannot be used. Each message is the end of a sentence that begins with the file."""


class UnusableBackup(Exception):  # noqa: N818 - it is a state of the file that the caller acts on
    """The file cannot be restored."""


class ForeignFile(UnusableBackup):
    """The file is no backup of ours."""

    def __init__(self) -> None:
        super().__init__("is not a backup of Loci. Name a file that `loci backup` wrote")


class TruncatedBackup(UnusableBackup):
    """The file ends before its end mark."""

    def __init__(self) -> None:
        super().__init__("ends too early: it was not copied to its end. Copy it again, or take another backup")


class DamagedBackup(UnusableBackup):
    """The file was changed after it was written."""

    def __init__(self, place: str) -> None:
        super().__init__(f"is damaged ({place}): it was changed after it was written. Take another backup")


class NewerBackup(UnusableBackup):
    """The file was written by a newer version of this program."""

    def __init__(self, version: str) -> None:
        super().__init__(f"was written by Loci {version}, which is newer. Restore it with that version or a later one")


class PasswordNeeded(UnusableBackup):
    """The file is encrypted, and no password was given."""

    def __init__(self) -> None:
        super().__init__("is encrypted. Give its password with --password-file")


class WrongPassword(UnusableBackup):
    """The password is not the one that the file was encrypted with."""

    def __init__(self) -> None:
        super().__init__("was encrypted with another password. Give that one with --password-file")
