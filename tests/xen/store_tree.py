"""The nodes of a fake xenstore, and who watches them. Thread-safe."""

import errno
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Fired = Callable[[str, str], None]
"""Called with the path that changed and the token of the watch, by the thread that changed it; it must not block."""

RELEASE_DOMAIN, INTRODUCE_DOMAIN = "@releaseDomain", "@introduceDomain"


@dataclass(eq=False)
class Watch:
    path: str
    token: str
    fired: Fired


@dataclass
class Transaction:
    """A copy of the nodes, and what was changed in it."""

    nodes: dict[str, str]
    generation: int
    changed: list[str] = field(default_factory=list)


def checked(path: str) -> str:
    """The path as xenstored takes it. Raises OSError(EINVAL)."""
    if path.startswith("@") and path.isprintable():
        return path
    if not path.startswith("/"):
        path = f"/local/domain/0/{path}"
    if "//" in path or (path.endswith("/") and path != "/") or not all(c.isalnum() or c in "-/_@.:" for c in path):
        raise OSError(errno.EINVAL, path)
    return path


class StoreTree:
    """The nodes. Tests and fake guests call it directly, a backend through :class:`tests.xen.store_server.FakeStore`.

    A node that does not exist is OSError(ENOENT).
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._nodes = {"/": ""}
        self._watches: list[Watch] = []
        self._generation = 0
        self.owners: dict[str, int] = {}
        """The domains that made nodes, where it was not domain 0."""

        self.conflicts = 0
        """So many of the next transactions end with EAGAIN."""

    @property
    def generation(self) -> int:
        """Changes with every change of a node."""
        return self._generation

    def read(self, path: str, transaction: Transaction | None = None) -> str:
        with self._lock:
            try:
                return self._of(transaction)[checked(path)]
            except KeyError:
                raise OSError(errno.ENOENT, path) from None

    def owner(self, path: str) -> int:
        with self._lock:
            self.read(path)
            return self.owners.get(checked(path), 0)

    def get(self, path: str, default: str = "") -> str:
        """As :meth:`read`, with a value for a node that does not exist."""
        with self._lock:
            return self._nodes.get(checked(path), default)

    def exists(self, path: str) -> bool:
        with self._lock:
            return checked(path) in self._nodes

    def children(self, path: str, transaction: Transaction | None = None) -> tuple[str, ...]:
        with self._lock:
            nodes = self._of(transaction)
            path = checked(path)
            if path not in nodes:
                raise OSError(errno.ENOENT, path)
            start = path.rstrip("/") + "/"
            return tuple(each[len(start) :] for each in nodes if _is_child(each, start))

    def write(self, path: str, value: str, transaction: Transaction | None = None) -> None:
        """Write a node. Its parents are made."""
        with self._lock:
            path = checked(path)
            if path.startswith("@"):
                raise OSError(errno.EINVAL, path)
            nodes = self._of(transaction)
            for end in (at for at, each in enumerate(path) if each == "/" and at):
                nodes.setdefault(path[:end], "")
            nodes[path] = value
            self._note([path], transaction)

    def write_all(self, values: Iterable[tuple[str, str]]) -> None:
        """Write these nodes before anything fires."""
        with self._lock:
            for path, value in values:
                self.write(path, value)

    def remove(self, path: str, transaction: Transaction | None = None) -> None:
        """Remove a node and all below it. No error if only its parent exists, as in xenstored."""
        with self._lock:
            nodes = self._of(transaction)
            path = checked(path)
            gone = [each for each in nodes if each == path or each.startswith(path + "/")]
            if not gone and path.rpartition("/")[0] not in nodes:
                raise OSError(errno.ENOENT, path)
            for each in gone:
                del nodes[each]
            if gone:
                self._note(gone, transaction)

    def begin(self) -> Transaction:
        with self._lock:
            return Transaction(dict(self._nodes), self._generation)

    def commit(self, transaction: Transaction) -> None:
        """Raises OSError(EAGAIN) if anything was changed since :meth:`begin`."""
        with self._lock:
            if self.conflicts > 0 or (transaction.changed and transaction.generation != self._generation):
                self.conflicts = max(0, self.conflicts - 1)
                raise OSError(errno.EAGAIN, "conflict")
            if transaction.changed:
                self._nodes = transaction.nodes
                self._note(transaction.changed, None)

    def watch(self, path: str, token: str, fired: Fired) -> Watch:
        """The first event comes at once."""
        watch = Watch(checked(path), token, fired)
        with self._lock:
            self._watches.append(watch)
            fired(path, token)
        return watch

    def unwatch(self, watch: Watch) -> None:
        with self._lock:
            self._watches = [each for each in self._watches if each is not watch]

    def release_domain(self) -> None:
        """Tell the watchers of "@releaseDomain" that a domain has ended."""
        self._fire_special(RELEASE_DOMAIN)

    def introduce_domain(self) -> None:
        self._fire_special(INTRODUCE_DOMAIN)

    def _fire_special(self, name: str) -> None:
        with self._lock:
            for each in [each for each in self._watches if each.path == name]:
                each.fired(name, each.token)

    def watched(self) -> tuple[str, ...]:
        """The paths that are watched now."""
        with self._lock:
            return tuple(each.path for each in self._watches)

    def below(self, path: str) -> dict[str, str]:
        """All nodes below a path, for the messages of tests."""
        with self._lock:
            return {each: value for each, value in self._nodes.items() if each.startswith(path.rstrip("/") + "/")}

    def _of(self, transaction: Transaction | None) -> dict[str, str]:
        return self._nodes if transaction is None else transaction.nodes

    def _note(self, paths: list[str], transaction: Transaction | None) -> None:
        if transaction is not None:
            transaction.changed += paths
            return
        self._generation += 1
        for path in paths:
            for each in list(self._watches):
                if each.path in (path, "/") or path.startswith(each.path + "/"):
                    each.fired(path, each.token)


def _is_child(path: str, start: str) -> bool:
    return path != "/" and path.startswith(start) and "/" not in path[len(start) :]
