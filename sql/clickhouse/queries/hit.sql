-- clusters on this shard that hold a token of one kind of a list, and the first
-- canonical row of each; it stays on the server
SELECT b.id AS id, l.`row` AS `row`, toUInt8({kind}) AS kind{codes}
FROM {base} AS b INNER JOIN {list} AS l ON b.token = l.token
SETTINGS join_algorithm = 'full_sorting_merge'
