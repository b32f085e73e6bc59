-- takes events; nothing comes back
INSERT INTO {table:Identifier} (token, place, part, kind, day, type, value)
