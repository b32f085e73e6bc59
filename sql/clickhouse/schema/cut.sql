-- the tokens of a list that clusters on this shard hold, and the first canonical row of each; nothing comes back
INSERT INTO {table:Identifier} (token, `row`)
SELECT l.token AS token, l.`row` AS `row` FROM {tokens:Identifier} AS b INNER JOIN {listed:Identifier} AS l ON b.token = l.token
SETTINGS join_algorithm = 'full_sorting_merge'
