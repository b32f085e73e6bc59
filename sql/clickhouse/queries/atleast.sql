-- clusters on this shard that have at least so many; it stays on the server
SELECT id FROM ({times}) GROUP BY id HAVING count() >= {n}
