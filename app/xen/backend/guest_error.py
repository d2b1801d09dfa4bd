"""What is raised where a guest breaks a protocol."""


class GuestError(Exception):
    """The guest broke a protocol. The text says how, in a few words; it holds no text of the guest."""
