-- the eligible people on this shard whom a list matches by the one kind that it and
-- the base have, where nobody has two tokens of it: a hit is a cluster; it stays on
-- the server
SELECT {columns} FROM ({hits}) AS p
