-- takes clusters that may be counted; nothing comes back
INSERT INTO {table:Identifier} (id)
