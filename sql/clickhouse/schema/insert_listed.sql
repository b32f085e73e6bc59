-- takes tokens of a list and their rows; nothing comes back
INSERT INTO {table:Identifier} (token, `row`)
