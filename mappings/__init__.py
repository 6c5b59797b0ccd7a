"""Tables of fields per partner, the engine that runs them and the closed list of converters."""


class MappingError(Exception):
    """A table or a payload is wrong: `table` with its section, `target` and `source` paths, `cause` in plain words."""

    def __init__(self, table: str, target: str, source: str, cause: str) -> None:
        super().__init__(table, target, source, cause)
        self.table, self.target, self.source, self.cause = table, target, source, cause

    def __str__(self) -> str:
        paths = " <- ".join(dict.fromkeys(path for path in (self.target, self.source) if path))
        return f"{self.table} {paths}".rstrip() + f": {self.cause}"

    def within(self, target: str, source: str) -> "MappingError":
        """Give the error of an item as the table around it sees it; a path from the whole payload stays as it is."""
        source = self.source if self.source.startswith("/") else f"{source}.{self.source}"
        return MappingError(self.table, f"{target}.{self.target}", source, self.cause)
