"""keepalived.conf, edited: an address comes or goes, and every other byte stays; no I/O."""

from tasks.keepalived.editing.add import add
from tasks.keepalived.editing.file_edit import FileEdit
from tasks.keepalived.editing.mentions import Mention, mentions
from tasks.keepalived.editing.remove import remove

__all__ = ["FileEdit", "Mention", "add", "mentions", "remove"]
