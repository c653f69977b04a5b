"""Errors that reach a user: one line that names what, where and the remedy."""


class AccelError(Exception):
    """Base of every error this package raises on purpose."""


class UserError(AccelError):
    """The request cannot be carried out as given (exit code 2): the text says what to change."""


class GraphError(UserError):
    """An integer graph breaks its grammar; the text names the node or edge."""


class UnsupportedModel(UserError):
    """A model file asks for what the integer graph cannot express; lists every reason at once."""


class ToolError(AccelError):
    """An external tool is missing or failed; the text names it, where it was looked for, and the log."""


class MismatchError(AccelError):
    """Two verification levels disagree (exit code 1); the text names level, layer, index and both values."""
