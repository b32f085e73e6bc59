-- puts the codes of those who may be counted beside them; nothing comes back
INSERT INTO {table:Identifier} (id{codes})
SELECT id{codes} FROM {people:Identifier} WHERE id IN (SELECT id FROM {eligible:Identifier})
