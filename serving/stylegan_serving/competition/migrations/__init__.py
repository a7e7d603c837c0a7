"""How older databases become this version's; `store.schema` runs it."""
