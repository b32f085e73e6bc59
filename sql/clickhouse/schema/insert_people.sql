-- takes clusters and their codes; nothing comes back
INSERT INTO {table:Identifier} (id{codes})
