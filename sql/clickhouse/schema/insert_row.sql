-- takes rows of a list and their codes; nothing comes back
INSERT INTO {table:Identifier} (`row`{codes})
