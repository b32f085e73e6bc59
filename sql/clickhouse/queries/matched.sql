-- the eligible people on this shard whom a list matches, each once whatever the
-- number of hits; it stays on the server
SELECT {columns} FROM {people} AS p WHERE p.id IN (SELECT id FROM ({hits}))
