-- the eligible people on this shard; it stays on the server
SELECT {columns} FROM {people} AS p
