-- puts the codes of those who may be counted beside their tokens; nothing comes back
INSERT INTO {table:Identifier} (token, id{codes})
SELECT t.token AS token, t.id AS id{codes} FROM {tokens:Identifier} AS t INNER JOIN {people:Identifier} AS p ON t.id = p.id
