"""What runs an arm: a literal table, name -> where the engine's class is."""

ENGINES: dict[str, str] = {"native": "lab.engines.native:NativeEngine"}

# Those that can hold a model to a grammar.
GUIDED_ENGINES: frozenset[str] = frozenset({"native"})
