"""Settings whose values are given, and not read from the environment by the library."""

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource


class GivenSettings(BaseSettings):
    """Settings that take the values of their call alone.

    `load_settings` reads the environment and leaves out what is empty; the library would read it once more.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the base class's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the one source of values."""
        return (init_settings,)
