-- how often each cluster on this shard has events of a kind; it stays on the server
INNER JOIN (
    SELECT id, count() AS times FROM ({events}) WHERE often GROUP BY id
) AS f ON q.id = f.id
WHERE f.times >= {least}
