-- takes tokens and their clusters; nothing comes back
INSERT INTO {table:Identifier} (token, id)
