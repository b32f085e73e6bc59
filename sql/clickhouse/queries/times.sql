-- clusters on this shard that have events of a category; it stays on the server
SELECT id FROM {log} WHERE day BETWEEN {from} AND {to} AND {read}
