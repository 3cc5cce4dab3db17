"""Finds the channels: built-in ones come the same way as anyone else's, by entry point."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from notifier.channel import Channel, Configure, Medium, Tools
from notifier.domain import errors
from notifier.domain.wanted import Account

_GROUP = "notifier.channels"
#: Messages of a provider that takes one at a time are recorded so many together.
_SINGLES_A_BATCH = 50


class UnknownChannelType(errors.Invalid):
    """There is no adapter of that name."""

    code = "channel.unknown_type"


class ChannelMisconfigured(errors.Invalid):
    """An adapter refuses its settings."""

    code = "channel.misconfigured"


@dataclass(frozen=True, slots=True)
class Switchboard:
    """The configured channels by name, in the order of the settings: the first of a medium is used,
    the others of that medium take over when it fails."""

    channels: Mapping[str, Channel]

    @property
    def accounts(self) -> dict[Medium, Account]:
        """For each medium the account that new batches are composed for."""
        found: dict[Medium, Account] = {}
        for name, channel in self.channels.items():
            size = channel.limits.batch_size
            found.setdefault(
                channel.medium,
                Account(channel=name, batch_size=size if size > 1 else _SINGLES_A_BATCH),
            )
        return found

    @property
    def fallbacks(self) -> dict[str, list[str]]:
        """For each channel the others of its medium, in order."""
        return {
            name: [
                other
                for other, candidate in self.channels.items()
                if other != name and candidate.medium is channel.medium
            ]
            for name, channel in self.channels.items()
        }

    async def close(self) -> None:
        """Closes every channel, the last opened first."""
        for channel in reversed(list(self.channels.values())):
            await channel.close()


def types() -> dict[str, EntryPoint]:
    """Every adapter that is installed, by name."""
    return {entry.name: entry for entry in entry_points(group=_GROUP)}


def configure(name: str, type_: str, options: Mapping[str, object], tools: Tools) -> Channel:
    """One configured channel.

    Raises ``UnknownChannelType`` or ``ChannelMisconfigured`` naming the channel and the setting.
    """
    entry = types().get(type_)
    if entry is None:
        known = ", ".join(sorted(types()))
        raise UnknownChannelType(f"channels.{name}.type: there is no {type_!r}; there are {known}.")
    make: Configure = entry.load()
    try:
        return make(options, tools)
    except ValueError as error:
        raise ChannelMisconfigured(f"channels.{name}: {error}") from error
